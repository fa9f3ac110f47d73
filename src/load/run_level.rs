//! One level from its plan to its recording.

use super::health::Monitor;
use super::schedule::{Due, LevelPlan, Pace, Schedule};
use super::{Recorded, Recorder, Scraper, closed_loop, open_loop};
use crate::measure::{Around, Run, Scraped};
use crate::workflow::{Clock, Workflow};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// Called after each run, from the task that made it.
pub type OnRun = Arc<dyn Fn(&Run) + Send + Sync>;

/// Why a level has no record.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The user asked to stop.
    #[error("interrupted")]
    Cancelled,
    /// The system allows too few connections.
    #[error("{0}")]
    Files(#[from] super::TooFewFiles),
    /// The disk does not take what is recorded.
    #[error("the recording cannot be written: {0}")]
    Unwritten(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A defect: a task of the load generator ended without its record.
    #[error("a task of the load generator stopped unexpectedly: {0}")]
    Lost(#[source] JoinError),
    /// A defect: the thread that writes the recording ended without it.
    #[error("a task of the load generator stopped unexpectedly: the one that writes the recording")]
    NoRecorder,
}

/// A level under way, shared by its tasks.
pub(super) struct Level {
    pub concurrency: u32,
    pub ramp: f64,
    pub seed: u64,
    pub clock: Clock,
    schedule: Mutex<Schedule>,
    recorder: Recorder,
    workflow: Arc<dyn Workflow>,
    on_run: OnRun,
}

impl Level {
    pub fn next(&self, now: f64) -> Option<Due> {
        lock(&self.schedule).next(now)
    }

    /// Runs an item and keeps its record. Its time counts from when it was due, if that is said.
    pub async fn run(&self, due: Due, due_at: Option<f64>) {
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

/// Loads a workflow as the plan says. Runs that are in flight when the level needs no more end by
/// themselves or at their timeout.
pub async fn run_level(
    plan: LevelPlan,
    workflow: Arc<dyn Workflow>,
    scraper: Option<&Scraper>,
    cancel: &CancellationToken,
    on_run: OnRun,
    recorder: Recorder,
) -> Result<Recorded, LoadError> {
    let monitor = Monitor::start();
    let pace = plan.pace;
    let level = Arc::new(Level {
        concurrency: plan.concurrency,
        ramp: plan.ramp,
        seed: plan.seed,
        clock: Clock::start(),
        schedule: Mutex::new(Schedule::new(plan)),
        recorder,
        workflow,
        on_run,
    });
    let scraping = scraper.map(|scraper| scraper.start(level.clock));
    // Dropping the tasks drops their requests.
    let mut tasks = JoinSet::new();
    match pace {
        Pace::Closed { think, sigma } => closed_loop::begin(&level, think, sigma, &mut tasks),
        Pace::Open { rate, poisson } => open_loop::begin(&level, rate, poisson, &mut tasks),
    }
    loop {
        let ended = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(LoadError::Cancelled),
            ended = tasks.join_next() => ended,
        };
        match ended {
            Some(Ok(())) => {}
            Some(Err(error)) => return Err(LoadError::Lost(error)),
            None => break,
        }
    }
    let client = monitor.stop();
    let (scraped, scrape_error) = match scraping {
        Some(scraping) => scraping.stop(),
        None => (Scraped::new(), None),
    };
    Ok(level.recorder.recorded(Around {
        concurrency: Some(level.concurrency),
        client: Some(client),
        scraped,
        scrape_error,
        ..Around::default()
    }))
}
