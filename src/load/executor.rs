//! Executors: whatever makes the load of a level.

use super::{LevelPlan, LoadError, RecordedLevel, Recorder, RunCallback, Scraper};
use crate::workflow::{BoxFuture, RedactedWorkflow};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// A level, or a share of one, that is to be measured.
pub struct Job<'a> {
    /// The load.
    pub plan: LevelPlan,
    /// The system under test.
    pub workflow: Arc<RedactedWorkflow>,
    /// Scraper of the server's own metrics, while the level runs.
    pub scraper: Option<&'a Scraper>,
    /// Token that stops the level.
    pub cancel: &'a CancellationToken,
    /// Callback for each run that has ended.
    pub on_run: RunCallback,
    /// Recorder of the runs.
    pub recorder: Recorder,
}

/// A means of making load: this process, or others.
pub trait Executor: Send + Sync {
    /// Loads the workflow as planned, and records its runs. Runs that are in flight when the level
    /// needs no more end on their own or at their timeout.
    ///
    /// # Errors
    ///
    /// Fails if it was stopped, or if the level could not be recorded.
    fn measure<'a>(&'a self, job: Job<'a>) -> BoxFuture<'a, Result<RecordedLevel, LoadError>>;
}
