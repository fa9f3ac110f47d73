//! Workers: work orders carried out by this process, which knows nothing of the pipeline that they are
//! part of.

use super::{
    Executor, Job, LoadError, Local, PlanError, RecordedLevel, Recorder, ScrapeError, Scraper,
    WorkOrder, make_room,
};
use crate::measure::{Failure, Part, Run};
use crate::redact::Redactor;
use crate::spec::{Env, SpecError, Vault};
use crate::workflow::{ConnectError, RedactedWorkflow};
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio_util::sync::CancellationToken;

/// Reason why a work order was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// Order that makes no sense.
    #[error("{0}")]
    Plan(#[from] PlanError),
    /// Order that has no digest, since it cannot be written.
    #[error("the plan cannot be written: {0}")]
    Digest(#[source] serde_json::Error),
    /// Reference to a secret that the environment does not have.
    #[error("{0}")]
    Secrets(#[source] SpecError),
    /// Scraper that cannot be made.
    #[error("{0}")]
    Scrape(#[from] ScrapeError),
    /// Workflow that cannot be connected.
    #[error("the workflow cannot be reached: {0}")]
    Connect(#[from] ConnectError),
    /// Server that does not answer.
    #[error("the server cannot be reached: {0}")]
    Unreachable(#[source] Failure),
    /// Level that was not measured.
    #[error("{0}")]
    Load(#[from] LoadError),
}

impl WorkOrder {
    /// Carries out the order with this machine's environment. The recording names the share that it
    /// is of. Relative paths of the workflow are relative to `base_dir`.
    ///
    /// # Errors
    ///
    /// Fails if the workflow cannot be reached from here, or the level was not measured.
    pub async fn carry_out(
        self,
        base_dir: &Path,
        env: &Env<'_>,
        cancel: &CancellationToken,
        recorder: Recorder,
    ) -> Result<RecordedLevel, WorkerError> {
        self.plan.check()?;
        self.spec().check_secrets(env).map_err(WorkerError::Secrets)?;
        let per_run = self.spec().workflow.open_files_per_run();
        make_room(self.plan.in_flight(), per_run).map_err(LoadError::from)?;
        let digest = self.digest().map_err(WorkerError::Digest)?;
        let redactor = Redactor::default();
        let vault = Vault::new(env, &redactor);
        // One of them says what the server says of itself.
        let scrape = self.spec().test.scrape.as_ref().filter(|_| self.plan.segment.index == 0);
        let scraper = scrape.map(|scrape| Scraper::new(scrape, &vault)).transpose()?;
        let workflow = self.spec().workflow.connect(base_dir, &vault)?;
        let recorded = self.load(&digest, &workflow, scraper.as_ref(), cancel, recorder).await;
        workflow.close().await;
        recorded
    }

    async fn load(
        self,
        digest: &str,
        workflow: &Arc<RedactedWorkflow>,
        scraper: Option<&Scraper>,
        cancel: &CancellationToken,
        recorder: Recorder,
    ) -> Result<RecordedLevel, WorkerError> {
        let plan = self.plan;
        tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(LoadError::Cancelled.into()),
            ready = workflow.check() => ready.map_err(WorkerError::Unreachable)?,
        }
        workflow.prepare(plan.in_flight(), &plan.workload.items).await;
        let mut part = Part {
            plan: digest.to_owned(),
            index: plan.segment.index,
            of: plan.segment.of,
            machine: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            began: 0.0,
        };
        let (workflow, on_run) = (Arc::clone(workflow), Arc::new(|_: &Run| {}));
        let job = Job { plan, workflow, scraper, cancel, on_run, recorder };
        // The level's clock begins with the first step of what follows.
        part.began =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |it| it.as_secs_f64());
        let mut recorded = Local.measure(job).await?;
        recorded.around.part = Some(part);
        Ok(recorded)
    }
}
