//! Events that a caller can observe while a pipeline runs.

use super::PipelineError;
use super::outcome::StageOutcome;
use super::stage_id::StageId;
use crate::measure::Run;
use crate::pacing::LoadPoint;
use std::sync::Arc;

/// Watches a run; every method may be called from any thread.
pub trait Observer: Send + Sync {
    /// Something that the user should know, in a sentence.
    fn notice(&self, _text: &str) {}
    /// A branch of a matrix begins, maybe beside others. What is returned watches it alone; where
    /// that is nothing, this one does.
    fn branch_started(&self, _branch: &str) -> Option<Arc<dyn Observer>> {
        None
    }
    /// A stage begins to run.
    fn stage_started(&self, _stage: &StageId) {}
    /// A level begins; `runs` are planned.
    fn level_started(&self, _level: LoadPoint, _runs: usize) {}
    /// A run of the current level ended.
    fn run_done(&self, _run: &Run) {}
    /// A stage failed, and the run goes on without it.
    fn stage_failed(&self, _stage: &StageId, _error: &PipelineError) {}
    /// A stage is done: it ran, or its artifact was there.
    fn stage_done(&self, _outcome: &StageOutcome) {}
}

/// Watches nothing.
pub struct SilentObserver;

impl Observer for SilentObserver {}
