//! A spec ready to be planned and run.

use super::adaptive::{first_levels, levels_of};
use super::context::Context;
use super::file_digests::FileDigests;
use super::graph::{Graph, graph_of};
use super::graph_level::GraphLevel;
use super::observer::Observer;
use super::{CancellationToken, PipelineError, SilentObserver};
use crate::load::Executor;
use crate::spec::{Checked, Spec};
use crate::workflow::Workflow;
use std::sync::Arc;

/// A spec ready to be planned and run.
pub struct Pipeline {
    spec: Arc<Spec>,
    digests: Arc<FileDigests>,
    graph: Graph,
    levels: Vec<GraphLevel>,
    /// A workflow of the caller's own.
    workflow: Option<Arc<dyn Workflow>>,
    /// An executor of the caller's own.
    executor: Option<Arc<dyn Executor>>,
}

impl Pipeline {
    /// Opens the pipeline of a spec. A recording is read for its levels; where levels are adaptive, the dataset and the
    /// store say which are known.
    pub fn open(spec: Checked<Spec>) -> Result<Self, PipelineError> {
        Self::open_with(spec, &Arc::default())
    }

    /// The same with digests of files that were read before.
    pub(super) fn open_with(
        spec: Checked<Spec>,
        digests: &Arc<FileDigests>,
    ) -> Result<Self, PipelineError> {
        let (spec, digests) = (Arc::new(spec.into_inner()), Arc::clone(digests));
        let levels = first_levels(&Context::at_rest(&spec, &digests))?;
        let graph = graph_of(&spec, levels_of(&levels));
        Ok(Self { spec, digests, graph, levels, workflow: None, executor: None })
    }

    /// The same with a workflow of the caller's own in place of what the spec names: usually a spec
    /// whose workflow is [`custom`](crate::workflow::custom::CustomSpec). What is measured is kept under
    /// what the spec says of it, so whatever makes another measurement belongs into its settings.
    #[must_use]
    pub fn with_workflow(self, workflow: Arc<dyn Workflow>) -> Self {
        Self { workflow: Some(workflow), ..self }
    }

    /// The same with another executor: whatever makes the load of each level, in place of this process. It makes the
    /// same load, so levels that are there stay.
    #[must_use]
    pub fn with_executor(self, executor: Arc<dyn Executor>) -> Self {
        Self { executor: Some(executor), ..self }
    }

    /// The spec.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The graph of its stages; where levels are adaptive, as far as it is known.
    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The levels, in the order in which they are measured.
    pub(super) fn levels(&self) -> &[GraphLevel] {
        &self.levels
    }

    /// The context of a run.
    pub(super) fn context(
        &self,
        observer: Arc<dyn Observer>,
        cancel: CancellationToken,
    ) -> Context {
        let context = Context::new(&self.spec, &self.digests, observer, cancel);
        let executor = self.executor.clone();
        context.planning(&self.levels).handed(self.workflow.clone()).loaded_by(executor)
    }

    /// A context for looking only.
    pub(super) fn at_rest(&self) -> Context {
        self.context(Arc::new(SilentObserver), CancellationToken::new())
    }
}
