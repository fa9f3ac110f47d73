//! A spec ready to be planned and run.

use super::Graph;
use super::adaptive::known_graph;
use crate::spec::Spec;
use crate::workflow::Workflow;
use std::sync::Arc;

/// A spec ready to be planned and run.
pub struct Pipeline {
    pub(super) spec: Spec,
    pub(super) graph: Graph,
    /// A workflow of the caller's own.
    pub(super) workflow: Option<Arc<dyn Workflow>>,
}

impl Pipeline {
    /// The pipeline of a spec. Where its levels are adaptive, the store says which are known.
    pub fn new(spec: Spec) -> Self {
        let graph = known_graph(&spec);
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
