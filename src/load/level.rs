//! A level under way: what its users or arrivals share.

use super::Recorder;
use super::schedule::{DueRun, Schedule, Workload};
use crate::measure::Run;
use crate::pacing::{Segment, Turns};
use crate::workflow::{Clock, RedactedWorkflow};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Called after each run, from the task that made it.
pub type RunCallback = Arc<dyn Fn(&Run) + Send + Sync>;

/// A level under way, shared by its tasks.
pub(super) struct Level {
    pub segment: Segment,
    /// Runs of the whole level before its window.
    pub warmup: usize,
    pub clock: Clock,
    schedule: Mutex<Schedule>,
    pub recorder: Recorder,
    workflow: Arc<RedactedWorkflow>,
    on_run: RunCallback,
}

impl Level {
    /// Begins a level: its clock starts now.
    pub fn begin(
        segment: Segment,
        runs: (Workload, Turns),
        workflow: Arc<RedactedWorkflow>,
        recorder: Recorder,
        on_run: RunCallback,
    ) -> Self {
        let (workload, turns) = runs;
        Self {
            segment,
            warmup: workload.warmup,
            clock: Clock::start(),
            schedule: Mutex::new(Schedule::new(workload, turns)),
            recorder,
            workflow,
            on_run,
        }
    }

    /// Begins the measured window, unless it has begun.
    pub fn open_window(&self, now: f64) {
        lock(&self.schedule).open_window(now);
    }

    pub fn next(&self, now: f64) -> Option<DueRun> {
        lock(&self.schedule).next(now)
    }

    /// Runs an item and keeps its record. Its time counts from when it was due, if that is said.
    pub async fn run(&self, due: DueRun, due_at: Option<f64>) {
        let mut run = self.workflow.run(&due.item, self.clock).await;
        run.phase = due.phase;
        run.start = due_at.map_or(run.start, |due_at| run.start.min(due_at));
        lock(&self.schedule).done(&run);
        (self.on_run)(&run);
        if !self.recorder.add(due.index, run) {
            // What cannot be recorded is measured in vain; the recorder says why when the level ends.
            lock(&self.schedule).stop();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
