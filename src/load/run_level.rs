//! One level from its plan to its recording.

use super::health::Monitor;
use super::level::{Level, OnRun};
use super::schedule::{LevelPlan, Pace};
use super::{LoadError, Recorded, Recorder, Scraper, closed_loop, open_loop};
use crate::measure::{Around, Scraped};
use crate::workflow::Workflow;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

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
    let level = Arc::new(Level::begin(plan, workflow, recorder, on_run));
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
