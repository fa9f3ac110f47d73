//! What the stages of one run share.

use super::observer::Silent;
use super::{CancellationToken, Observer, PipelineError};
use crate::dataset;
use crate::spec::{Spec, process_env};
use crate::store::{Digest, Store};
use crate::workflow::{self, Workflow};
use std::sync::{Arc, OnceLock};
use tokio::sync::OnceCell;

/// What the stages of one run share: the spec and everything that is made ready at most once.
pub(super) struct Context<'a> {
    pub spec: &'a Spec,
    pub store: Store,
    pub observer: Arc<dyn Observer>,
    pub cancel: CancellationToken,
    dataset: OnceLock<(Vec<u8>, Digest)>,
    workflow: OnceCell<Arc<dyn Workflow>>,
}

impl<'a> Context<'a> {
    pub fn new(spec: &'a Spec, observer: Arc<dyn Observer>, cancel: CancellationToken) -> Self {
        Self {
            spec,
            store: Store::beside(spec.base_dir()),
            observer,
            cancel,
            dataset: OnceLock::new(),
            workflow: OnceCell::new(),
        }
    }

    /// A context for looking only: nobody watches, nothing is to be stopped.
    pub fn at_rest(spec: &'a Spec) -> Self {
        Self::new(spec, Arc::new(Silent), CancellationToken::new())
    }

    /// The dataset's content and its digest.
    pub fn dataset(&self) -> Result<&(Vec<u8>, Digest), PipelineError> {
        if let Some(dataset) = self.dataset.get() {
            return Ok(dataset);
        }
        let path = self.spec.resolve(&self.spec.dataset.path);
        let content = dataset::read(&path).map_err(|error| {
            self.spec
                .error_at("dataset.path", error.to_string())
                .help("paths in a spec are relative to the folder that it lies in")
        })?;
        let digest = Digest::of(&content);
        Ok(self.dataset.get_or_init(|| (content, digest)))
    }

    /// The workflow, made ready and seen to answer.
    pub async fn workflow(&self) -> Result<Arc<dyn Workflow>, PipelineError> {
        let connect = async || {
            self.spec.check_secrets(&process_env)?;
            let workflow = workflow::connect(&self.spec.workflow, &process_env)?;
            workflow
                .check()
                .await
                .map_err(|failure| PipelineError::Unreachable { stage: None, failure })?;
            Ok(workflow)
        };
        self.workflow.get_or_try_init(connect).await.cloned()
    }
}
