//! Events of a run, gathered on the threads that make load and told on the thread of the caller.
//!
//! Runs end thousands of times a second, and whoever counts them must not wait for the interpreter: they are counted
//! where they end, and the counts are told when the caller looks.

use pyo3::prelude::*;
use sizer::extend::LoadPoint;
use sizer::pipeline::{Observer, StageId, StageOutcome};
use sizer::{PipelineError, Run};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Something that happened, with the branch that it happened in.
#[derive(Clone)]
struct Event {
    kind: &'static str,
    branch: Option<String>,
    stage: Option<String>,
    level: Option<LevelCount>,
    text: Option<String>,
}

/// A level under way.
#[derive(Clone, Default)]
struct LevelCount {
    name: String,
    /// Runs that are planned.
    planned: usize,
    done: usize,
    failed: usize,
    /// True if these counts have been told.
    is_told: bool,
}

/// Events that are still to be told.
#[derive(Default)]
pub struct Events {
    waiting: Mutex<VecDeque<Event>>,
    branches: Mutex<Vec<Arc<Branch>>>,
}

/// Events of one branch, or of a spec without a matrix.
struct Branch {
    events: Arc<Events>,
    label: Option<String>,
    level: Mutex<Option<LevelCount>>,
}

/// Watches a run for its events.
pub struct Watch(Arc<Branch>);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Events {
    /// An observer that gathers events here.
    pub fn watch(self: &Arc<Self>, label: Option<String>) -> Watch {
        let branch = Branch { events: Arc::clone(self), label, level: Mutex::default() };
        let branch = Arc::new(branch);
        locked(&self.branches).push(Arc::clone(&branch));
        Watch(branch)
    }

    /// Tells the caller what has happened since, in order.
    pub fn tell(&self, py: Python<'_>, listener: &Bound<'_, PyAny>) -> PyResult<()> {
        let branches = locked(&self.branches).clone();
        for branch in &branches {
            branch.tell_runs();
        }
        loop {
            // Not held while the listener runs, who may take as long as they like.
            let next = locked(&self.waiting).pop_front();
            let Some(Event { kind, branch, stage, level, text }) = next else { return Ok(()) };
            let (name, planned, done, failed) = match level {
                Some(it) => (Some(it.name), Some(it.planned), Some(it.done), Some(it.failed)),
                None => (None, None, None, None),
            };
            listener.call1((kind, branch, stage, name, planned, done, failed, text))?;
            py.check_signals()?;
        }
    }
}

impl Branch {
    fn add(&self, kind: &'static str, stage: Option<&StageId>, text: Option<String>) {
        let (branch, stage) = (self.label.clone(), stage.map(ToString::to_string));
        locked(&self.events.waiting).push_back(Event { kind, branch, stage, level: None, text });
    }

    /// Adds the counts of the level, if runs have ended since.
    fn tell_runs(&self) {
        let mut level = locked(&self.level);
        let Some(level) = level.as_mut().filter(|level| !level.is_told) else { return };
        level.is_told = true;
        let (branch, level) = (self.label.clone(), Some(level.clone()));
        let event = Event { kind: "runs", branch, stage: None, level, text: None };
        locked(&self.events.waiting).push_back(event);
    }
}

impl Observer for Watch {
    fn notice(&self, text: &str) {
        self.0.add("notice", None, Some(text.to_owned()));
    }

    fn branch_started(&self, branch: &str) -> Option<Arc<dyn Observer>> {
        Some(Arc::new(self.0.events.watch(Some(branch.to_owned()))))
    }

    fn stage_started(&self, stage: &StageId) {
        self.0.add("stage_started", Some(stage), None);
    }

    fn level_started(&self, level: LoadPoint, runs: usize) {
        self.0.tell_runs();
        let level = LevelCount { name: level.to_string(), planned: runs, ..LevelCount::default() };
        *locked(&self.0.level) = Some(level);
        self.0.tell_runs();
    }

    fn run_done(&self, run: &Run) {
        if let Some(level) = locked(&self.0.level).as_mut() {
            level.done += 1;
            level.failed += usize::from(!run.is_ok());
            level.is_told = false;
        }
    }

    fn stage_failed(&self, stage: &StageId, error: &PipelineError) {
        self.0.tell_runs();
        self.0.add("stage_failed", Some(stage), Some(sizer::cli::error_text(error)));
    }

    fn stage_done(&self, outcome: &StageOutcome) {
        self.0.tell_runs();
        let ran = outcome.ran.as_ref().map(ToString::to_string);
        self.0.add("stage_done", Some(&outcome.id), ran);
    }
}
