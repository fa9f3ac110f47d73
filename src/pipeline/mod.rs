//! The pipeline: a graph of stages, what of it would run and why, and running it.

mod adaptive;
mod calc;
mod cancel;
mod check;
mod compare;
mod context;
mod diary;
mod error;
mod execute;
mod explore;
mod files;
mod finish;
mod forced;
mod graph;
mod keep;
mod keys;
mod known;
mod made;
mod observer;
mod outputs;
mod plan;
mod reason;
mod rigs;
mod running;
mod select;
mod stages;
mod status;
mod study;
mod trace;
mod what_if;

pub use calc::{CalcError, CalcOptions, CalcOutcome, emitted_spec, imported_spec};
pub use cancel::CancellationToken;
pub use check::Checked;
pub use compare::{Changes, LevelChange, Side};
pub use error::{Cause, PipelineError};
pub use execute::{Outcome, RunOptions, StageReport};
pub use graph::{Graph, StageId};
pub use observer::{Observer, Silent};
pub use plan::{Plan, PlannedStage, Status};
pub use reason::Reason;
pub use select::{Pattern, Selection};
pub use status::{StageStatus, State};
pub use study::{ByBranch, MissingBranch, Study, StudyOutcome};
pub use trace::{TraceOptions, Traced};
pub use what_if::Grid;

use crate::spec::Spec;
use crate::workflow::Workflow;
use std::sync::Arc;

/// A spec ready to be planned and run.
pub struct Pipeline {
    spec: Spec,
    graph: Graph,
    /// A workflow of the caller's own.
    workflow: Option<Arc<dyn Workflow>>,
}

impl Pipeline {
    /// The pipeline of a spec. Where its levels are adaptive, the store says which are known.
    pub fn new(spec: Spec) -> Self {
        let graph = adaptive::known_graph(&spec);
        Self { spec, graph, workflow: None }
    }

    /// The same with a workflow of the caller's own in place of what the spec names: usually a spec
    /// whose workflow is [`custom`](crate::spec::workflow::CustomSpec). What is measured is kept under
    /// what the spec says of it, so whatever makes another measurement belongs into its settings.
    #[must_use]
    pub fn with_workflow(self, workflow: Arc<dyn Workflow>) -> Self {
        Self { workflow: Some(workflow), ..self }
    }

    /// The spec.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The graph of its stages; where levels are adaptive, as far as it is known.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }
}
