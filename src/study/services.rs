//! The services that the stages of one run share: the store, the system under test, whoever watches.

use super::{CancellationToken, Observer, PipelineError, StageId};
use crate::load::{Executor, LoadError, Local, Scraper};
use crate::redact::Redactor;
use crate::spec::{ScrapeSpec, Seconds, Spec, SpecError, Vault, WorkflowSpec, process_env};
use crate::store::Store;
use crate::workflow::{ConnectError, RedactedWorkflow, Workflow};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::OnceCell;

/// The services that the stages of one run share, made ready at most once.
pub(super) struct Services {
    pub store: Store,
    pub observer: Arc<dyn Observer>,
    pub cancel: CancellationToken,
    /// Makes the load of each level.
    pub executor: Arc<dyn Executor>,
    /// For errors, which point into it, and for relative paths. A stage reads its slice instead.
    spec: Arc<Spec>,
    /// Knows every secret that was looked up.
    redactor: Redactor,
    scraper: OnceCell<Scraper>,
    /// A workflow of the caller's own.
    handed: Option<Arc<dyn Workflow>>,
    workflow: OnceCell<Arc<RedactedWorkflow>>,
    /// Set once a level was measured.
    measured: AtomicBool,
    /// Set once whatever was started has ended.
    closed: AtomicBool,
}

impl Services {
    pub fn of(spec: &Arc<Spec>, observer: Arc<dyn Observer>, cancel: CancellationToken) -> Self {
        Self {
            store: Store::beside(spec.base_dir()),
            observer,
            cancel,
            executor: Arc::new(Local),
            spec: Arc::clone(spec),
            redactor: Redactor::default(),
            scraper: OnceCell::new(),
            handed: None,
            workflow: OnceCell::new(),
            measured: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }

    /// The same with a workflow of the caller's own.
    pub fn handed(self, workflow: Option<Arc<dyn Workflow>>) -> Self {
        Self { handed: workflow, ..self }
    }

    /// The same with an executor of the caller's own.
    pub fn loaded_by(self, executor: Option<Arc<dyn Executor>>) -> Self {
        Self { executor: executor.unwrap_or(self.executor), ..self }
    }

    /// An error that points at a dotted path of the spec.
    pub fn error_at(&self, path: &str, message: String) -> SpecError {
        self.spec.error_at(path, message)
    }

    /// Help for a path of the spec that leads nowhere.
    pub fn path_help(&self) -> String {
        self.spec.path_help()
    }

    /// The scraper of the server's own metrics, where that is wanted.
    pub async fn scraper(
        &self,
        scrape: Option<&ScrapeSpec>,
    ) -> Result<Option<&Scraper>, PipelineError> {
        let Some(scrape) = scrape else { return Ok(None) };
        let made = self.scraper.get_or_try_init(async || {
            Scraper::new(scrape, &Vault::new(&process_env, &self.redactor)).map_err(|error| {
                self.spec.error_at("test.scrape.url", error.to_string()).because(error)
            })
        });
        Ok(Some(made.await?))
    }

    /// Waits between two levels.
    pub async fn cool_down(&self, pause: Seconds) -> Result<(), LoadError> {
        let pause = pause.to_std();
        if !self.measured.swap(true, Ordering::Relaxed) || pause.is_zero() {
            return Ok(());
        }
        tokio::select! {
            () = self.cancel.cancelled() => Err(LoadError::Cancelled),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }

    /// The workflow, made ready and seen to answer.
    pub async fn workflow(
        &self,
        spec: &WorkflowSpec,
        stage: &StageId,
    ) -> Result<Arc<RedactedWorkflow>, PipelineError> {
        let connect = async || {
            self.spec.check_secrets(&process_env)?;
            let workflow = if let Some(workflow) = &self.handed {
                let (workflow, redactor) = (Arc::clone(workflow), self.redactor.clone());
                Arc::new(RedactedWorkflow::new(workflow, redactor))
            } else {
                let (base_dir, vault) =
                    (self.spec.base_dir(), Vault::new(&process_env, &self.redactor));
                spec.connect(base_dir, &vault).map_err(|error| not_ready(&self.spec, error))?
            };
            let ready = tokio::select! {
                ready = workflow.check() => ready,
                () = self.cancel.cancelled() => {
                    workflow.close().await;
                    let stage = stage.clone();
                    return Err(PipelineError::Load { stage, error: LoadError::Cancelled });
                }
            };
            if let Err(failure) = ready {
                workflow.close().await;
                return Err(PipelineError::Unreachable { stage: None, kept: false, failure });
            }
            Ok(workflow)
        };
        self.workflow.get_or_try_init(connect).await.cloned()
    }

    /// Ends whatever was started for the workflow. Nothing is measured any more.
    pub async fn close(&self) {
        if let Some(workflow) = self.workflow.get()
            && !self.closed.swap(true, Ordering::Relaxed)
        {
            workflow.close().await;
        }
    }
}

/// An error of the workflow, pointing into the spec if the spec is to blame.
pub(super) fn not_ready(spec: &Spec, error: ConnectError) -> PipelineError {
    match &error {
        ConnectError::Client(message) => {
            spec.error_at("workflow", message.as_str()).because(error).into()
        }
        _ => error.into(),
    }
}
