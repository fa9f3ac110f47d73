//! The executor of this process.

use super::begin::begin;
use super::health::Monitor;
use super::host_watch::HostWatch;
use super::level::Level;
use super::{Executor, Job, LevelPlan, LoadError, RecordedLevel};
use crate::measure::{RecordingMeta, ServerMetrics};
use crate::workflow::BoxFuture;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Load from this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Local;

impl Executor for Local {
    fn measure<'a>(&'a self, job: Job<'a>) -> BoxFuture<'a, Result<RecordedLevel, LoadError>> {
        Box::pin(measure(job))
    }
}

async fn measure(job: Job<'_>) -> Result<RecordedLevel, LoadError> {
    let Job { plan, workflow, scraper, cancel, on_run, recorder } = job;
    let turns = plan.turns()?;
    let monitor = Monitor::start();
    let hosts = HostWatch::start(&workflow);
    let setting = plan.setting();
    let LevelPlan { point, pacing, workload, segment, .. } = plan;
    let level = Level::begin(segment, (workload, turns), workflow, recorder, on_run);
    let level = Arc::new(level);
    let scraping = scraper.map(|scraper| scraper.start(level.clock));
    // Dropping the tasks drops their requests.
    let mut tasks = JoinSet::new();
    begin(&level, pacing.shape().starts(setting), &mut tasks);
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
    let host = hosts.stop();
    let (scraped, scrape_error) = match scraping {
        Some(scraping) => scraping.stop(),
        None => (ServerMetrics::new(), None),
    };
    Ok(level.recorder.recorded(RecordingMeta {
        concurrency: point.level(),
        client: Some(client),
        host,
        scraped,
        scrape_error,
        ..RecordingMeta::default()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Recorder, Window, Workload};
    use crate::measure::{Failure, Item, Phase, Run};
    use crate::pacing::{ClosedLoop, LoadPoint, OpenLoop, Pacing, Process, Segment};
    use crate::workflow::{Clock, RedactedWorkflow, Workflow};
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;
    use tokio_util::sync::CancellationToken;

    /// Takes as long as the item says, in virtual time, and counts what is in flight.
    #[derive(Default)]
    struct TimedWorkflow {
        in_flight: AtomicU32,
        highest: AtomicU32,
    }

    impl Workflow for TimedWorkflow {
        fn check(&self) -> BoxFuture<'_, Result<(), Failure>> {
            Box::pin(std::future::ready(Ok(())))
        }

        fn run<'a>(&'a self, item: &'a Item, clock: Clock) -> BoxFuture<'a, Run> {
            Box::pin(async move {
                let start = clock.now();
                let in_flight = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
                self.highest.fetch_max(in_flight, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(item.input.len() as u64)).await;
                self.in_flight.fetch_sub(1, Ordering::Relaxed);
                Run { id: item.id.clone(), start, end: clock.now(), ..Run::default() }
            })
        }
    }

    /// The runs of a plan, and the most that were in flight.
    fn played(plan: &LevelPlan) -> (Vec<Run>, u32) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let timed = Arc::new(TimedWorkflow::default());
            let workflow = Arc::new(RedactedWorkflow::without_secrets(timed.clone()));
            let cancel = &CancellationToken::new();
            let (on_run, recorder) = (Arc::new(|_: &Run| {}), Recorder::in_memory());
            let job = Job { plan: plan.clone(), workflow, scraper: None, cancel, on_run, recorder };
            let recording = Local.measure(job).await.unwrap().into_recording();
            assert_eq!(recording.around.concurrency, plan.point.level());
            (recording.runs, timed.highest.load(Ordering::Relaxed))
        })
    }

    fn plan(point: LoadPoint, pacing: Pacing, window: Window, warmup: usize) -> LevelPlan {
        let item = |n: usize| Item {
            id: format!("q{n}"),
            input: "x".repeat(20 + 37 * n % 53),
            ..Item::default()
        };
        let items = (0..7).map(item).collect();
        let workload = Workload { items, warmup, window, keep_loaded: true, tolerated: 0.0 };
        LevelPlan { point, pacing, ramp: 0.4, seed: 11, workload, segment: Segment::WHOLE }
    }

    fn shares(plan: &LevelPlan, of: u32) -> Vec<LevelPlan> {
        (0..of).map(|index| plan.share(index, of).unwrap()).collect()
    }

    /// The runs of all shares, none of which is made twice.
    fn of_shares(plan: &LevelPlan, of: u32) -> Vec<Run> {
        let runs: Vec<Run> = shares(plan, of).iter().flat_map(|share| played(share).0).collect();
        let ids: BTreeSet<&str> = runs.iter().map(|run| run.id.as_str()).collect();
        assert_eq!(ids.len(), runs.len(), "a run was made twice");
        runs
    }

    /// Ids of the runs before and in the window, with the times at which they began in microseconds.
    fn begun(runs: &[Run]) -> BTreeSet<(String, String, u64)> {
        let asked = runs.iter().filter(|run| run.phase != Phase::CoolDown);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "of a test")]
        let at = |run: &Run| (run.start * 1e6).round() as u64;
        asked.map(|run| (run.id.clone(), format!("{:?}", run.phase), at(run))).collect()
    }

    fn ids(runs: &[Run]) -> BTreeSet<String> {
        begun(runs).into_iter().map(|(id, ..)| id).collect()
    }

    #[test]
    fn shares_of_arrivals_are_those_of_the_whole_at_their_times() {
        for process in [Process::Poisson, Process::Constant] {
            let pacing = Pacing::Open(OpenLoop { per_user: 2.5, process });
            for window in [Window::Runs(41), Window::Seconds(1.7)] {
                for (point, warmup) in
                    [(LoadPoint::Users(8), 8), (LoadPoint::Users(3), 0), (LoadPoint::Rate(12.5), 5)]
                {
                    let plan = plan(point, pacing, window, warmup);
                    let whole = begun(&played(&plan).0);
                    assert!(whole.len() > warmup + 5, "{whole:?}");
                    for of in [2, 3, 5] {
                        assert_eq!(begun(&of_shares(&plan, of)), whole, "{plan:?} among {of}");
                    }
                }
            }
        }
    }

    #[test]
    fn shares_of_users_are_the_users_of_the_whole() {
        for think in [0.0, 0.02] {
            let pacing = Pacing::Closed(ClosedLoop { think, sigma: 0.5 });
            for (users, runs) in [(32, 96), (5, 13), (4, 4)] {
                let point = LoadPoint::InFlight(users);
                let mut plan = plan(point, pacing, Window::Runs(runs), users as usize);
                // Without pauses all are in flight from the beginning.
                plan.ramp = think;
                let (whole, highest) = played(&plan);
                assert!(think > 0.0 || highest == users, "{highest} of {users}");
                for of in [2, 3, 4] {
                    assert_eq!(ids(&of_shares(&plan, of)), ids(&whole), "{users} among {of}");
                    let shares = shares(&plan, of);
                    let in_flight: Vec<u32> = shares.iter().map(LevelPlan::in_flight).collect();
                    assert_eq!(in_flight.iter().sum::<u32>(), users);
                    assert!(
                        in_flight.iter().max() <= in_flight.iter().min().map(|it| it + 1).as_ref()
                    );
                    let counts = shares.iter().map(|share| share.runs().unwrap());
                    assert_eq!(counts.sum::<usize>(), runs + users as usize);
                    if think <= 0.0 {
                        let highest: Vec<u32> = shares.iter().map(|it| played(it).1).collect();
                        assert_eq!(highest, in_flight);
                    }
                }
            }
        }
    }

    /// Users do in a share what they do in the whole: their first runs begin at the same times.
    #[test]
    fn users_think_and_ramp_as_in_the_whole() {
        let pacing = Pacing::Closed(ClosedLoop { think: 0.3, sigma: 0.7 });
        let plan = plan(LoadPoint::Users(9), pacing, Window::Runs(9), 0);
        let starts = |runs: &[Run]| -> BTreeSet<u64> {
            begun(runs).into_iter().map(|(.., at)| at).collect()
        };
        let whole = starts(&played(&plan).0);
        let first = |plan: &LevelPlan| starts(&played(plan).0).into_iter().next().unwrap();
        assert_eq!(shares(&plan, 3).iter().map(first).min(), whole.iter().next().copied());
        for share in shares(&plan, 9) {
            // Each user alone: its first run is as late as in the whole, if the whole has it in its window.
            let alone = first(&share);
            assert!(whole.contains(&alone) || alone > *whole.iter().last().unwrap());
        }
    }

    #[test]
    fn a_share_of_nothing_is_refused() {
        let plan = plan(LoadPoint::InFlight(2), Pacing::default(), Window::Runs(4), 0);
        let error = plan.share(0, 3).unwrap_err().to_string();
        assert!(error.contains("a load of 2 cannot be split into 3 shares"), "{error}");
        assert!(plan.share(2, 2).is_err() && plan.share(0, 0).is_err());
        let half = plan.share(1, 2).unwrap();
        assert!(half.share(0, 2).is_err() && half.share(0, 1).unwrap() == half);
    }
}
