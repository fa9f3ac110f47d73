//! Which run is next, and which part of the level it belongs to.

use crate::measure::{Interval, Item, Phase, Run, Summary};

/// One level's load.
#[derive(Clone, Debug)]
pub struct LevelPlan {
    /// Runs in flight, or users.
    pub concurrency: u32,
    /// The items, each once, in order; repeated as often as needed.
    pub items: Vec<Item>,
    /// Runs before the measured window.
    pub warmup: usize,
    /// The measured window.
    pub window: Window,
    /// Whether the load is kept up until the last measured run has ended.
    pub keep_loaded: bool,
    /// Seconds over which the first runs are spread.
    pub ramp: f64,
    /// When runs begin.
    pub pace: Pace,
    /// Seed of everything random.
    pub seed: u64,
    /// Share of the runs that may fail before the level is stopped.
    pub tolerated: f64,
}

/// How long a level is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Window {
    /// So many runs.
    Runs(usize),
    /// All runs that begin within so many seconds.
    Seconds(f64),
    /// As many runs as it takes until the interval of the p95 runtime is narrow.
    Until {
        /// Its width, as a share of the p95.
        width: f64,
        /// No more runs than these.
        most: usize,
    },
}

/// When runs begin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Each user begins a run when the last one has ended, after a pause: log-normal, its median
    /// in seconds and the standard deviation of its logarithm.
    Closed {
        /// Median of the pause.
        think: f64,
        /// Its spread.
        sigma: f64,
    },
    /// Runs begin at a rate, whatever became of the others.
    Open {
        /// Runs per second.
        rate: f64,
        /// Whether they are independent of each other, or evenly spread.
        poisson: bool,
    },
}

/// A level under way.
#[derive(Debug)]
pub(super) struct Schedule {
    plan: LevelPlan,
    started: usize,
    measured: usize,
    measured_done: usize,
    failed: usize,
    window_began: Option<f64>,
    window_over: bool,
    stopped: bool,
    /// Runtimes of the measured runs that succeeded, where the window depends on them.
    runtimes: Vec<f64>,
    /// How many of them it takes to look at them again.
    look_at: usize,
}

/// A run that is due.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Due {
    /// Position among all runs of the level.
    pub index: usize,
    pub phase: Phase,
    pub item: Item,
}

/// With fewer runs a p95 has no upper end.
const FEWEST_FOR_AN_INTERVAL: usize = 59;

impl Schedule {
    /// Ends the window once the p95 is known well enough.
    fn note_runtime(&mut self, run: &Run) {
        let Window::Until { width, .. } = self.plan.window else { return };
        if !run.phase.is_measured() {
            return;
        }
        self.runtimes.push(run.runtime());
        if self.runtimes.len() < self.look_at {
            return;
        }
        // Looking costs a pass over all runs, and one more run changes little.
        self.look_at += (self.look_at / 10).max(1);
        let Some(summary) = Summary::of(self.runtimes.clone()) else { return };
        if let Interval { low: Some(low), high: Some(high) } = summary.intervals.p95 {
            self.window_over |= high - low <= width * summary.p95;
        }
    }

    pub fn new(plan: LevelPlan) -> Self {
        let stopped = plan.items.is_empty();
        Self {
            plan,
            started: 0,
            measured: 0,
            measured_done: 0,
            failed: 0,
            window_began: None,
            window_over: false,
            stopped,
            runtimes: Vec::new(),
            look_at: FEWEST_FOR_AN_INTERVAL,
        }
    }

    /// The run to begin now; `None` once the level needs no more.
    pub fn next(&mut self, now: f64) -> Option<Due> {
        if self.stopped {
            return None;
        }
        let phase = if self.started < self.plan.warmup {
            Phase::WarmUp
        } else if self.window_is_open(now) {
            Phase::Measured
        } else if self.plan.keep_loaded && self.measured_done < self.measured {
            Phase::CoolDown
        } else {
            self.stopped = true;
            return None;
        };
        let due = Due { index: self.started, phase, item: self.item(phase)? };
        self.started += 1;
        self.measured += usize::from(phase.is_measured());
        Some(due)
    }

    fn window_is_open(&mut self, now: f64) -> bool {
        let began = *self.window_began.get_or_insert(now);
        self.window_over |= match self.plan.window {
            Window::Runs(runs) => self.measured >= runs,
            Window::Seconds(seconds) => now - began >= seconds,
            Window::Until { most, .. } => self.measured >= most,
        };
        !self.window_over
    }

    /// The items go round and round. The measured window begins with the first, so that its ids
    /// are the same whatever came before; the warm-up ends with the last.
    fn item(&self, phase: Phase) -> Option<Item> {
        let all = self.plan.items.len();
        let warmup = self.plan.warmup;
        let position = match phase {
            Phase::WarmUp => (all - warmup % all + self.started) % all,
            Phase::Measured | Phase::CoolDown => (self.started - warmup) % all,
        };
        let mut item = self.plan.items.get(position)?.clone();
        match phase {
            Phase::WarmUp => item.id = format!("{}_warmup{}", item.id, self.started),
            Phase::Measured => match (self.started - warmup) / all {
                0 => {}
                repeat => item.id = format!("{}_rep{repeat}", item.id),
            },
            Phase::CoolDown => {
                item.id = format!("{}_after{}", item.id, self.started - warmup - self.measured);
            }
        }
        Some(item)
    }

    /// Begins no further run.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// Takes note of a run that has ended.
    pub fn done(&mut self, run: &Run) {
        self.measured_done += usize::from(run.phase.is_measured());
        if run.is_ok() {
            self.note_runtime(run);
            return;
        }
        self.failed += 1;
        let most = match self.plan.window {
            Window::Runs(runs) | Window::Until { most: runs, .. } => {
                Some(self.plan.tolerated * runs as f64)
            }
            // How many runs there will be is not known; the level is judged when it is over.
            Window::Seconds(_) => (self.plan.tolerated <= 0.0).then_some(0.0),
        };
        self.stopped |= most.is_some_and(|most| self.failed as f64 > most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Failure, FailureKind, Outcome};

    fn schedule(warmup: usize, window: Window, keep_loaded: bool, tolerated: f64) -> Schedule {
        let items = ["a", "b", "c"]
            .map(|id| Item { id: id.into(), input: "?".into(), ..Item::default() })
            .to_vec();
        let pace = Pace::Closed { think: 0.0, sigma: 0.0 };
        let plan = LevelPlan {
            concurrency: 2,
            items,
            warmup,
            window,
            keep_loaded,
            ramp: 0.0,
            pace,
            seed: 0,
            tolerated,
        };
        Schedule::new(plan)
    }

    fn ended(phase: Phase, ok: bool) -> Run {
        let failure = Failure::new(FailureKind::Timeout, "late");
        Run {
            start: 0.0,
            end: 1.0,
            outcome: if ok { Outcome::Ok } else { Outcome::Failed(failure) },
            phase,
            ..Run::default()
        }
    }

    #[test]
    fn a_sustained_level_is_loaded_until_its_last_measured_run_has_ended() {
        let mut level = schedule(2, Window::Runs(4), true, 0.0);
        let mut ids = Vec::new();
        for _ in 0..8 {
            ids.push(level.next(0.0).unwrap().item.id);
        }
        assert_eq!(
            ids,
            ["b_warmup0", "c_warmup1", "a", "b", "c", "a_rep1", "b_after0", "c_after1"]
        );
        for _ in 0..3 {
            level.done(&ended(Phase::Measured, true));
            assert_eq!(level.next(0.0).unwrap().phase, Phase::CoolDown);
        }
        level.done(&ended(Phase::Measured, true));
        assert_eq!(level.next(0.0), None);
    }

    #[test]
    fn a_burst_is_measured_whole() {
        let mut level = schedule(0, Window::Runs(3), false, 0.0);
        let phases: Vec<_> = std::iter::from_fn(|| level.next(0.0)).map(|due| due.phase).collect();
        assert_eq!(phases, [Phase::Measured; 3]);
    }

    #[test]
    fn a_window_in_seconds_begins_after_the_warm_up() {
        let mut level = schedule(1, Window::Seconds(5.0), false, 0.0);
        assert_eq!(level.next(0.0).unwrap().phase, Phase::WarmUp);
        assert_eq!(level.next(7.0).unwrap().phase, Phase::Measured);
        assert_eq!(level.next(11.9).unwrap().phase, Phase::Measured);
        assert_eq!(level.next(12.0), None);
    }

    #[test]
    fn a_window_ends_when_its_p95_is_known() {
        let runs_until = |width: f64, spread: f64| {
            let mut level = schedule(0, Window::Until { width, most: 2000 }, true, 0.0);
            let mut count = 0;
            while let Some(due) = level.next(0.0).filter(|due| due.phase.is_measured()) {
                count += 1;
                // Evenly spread around 10 s, in a scattered order.
                let end = 10.0 + spread * f64::from(count * 37 % 101) / 101.0;
                level.done(&Run { end, start: 0.0, ..ended(due.phase, true) });
            }
            count
        };
        assert_eq!(runs_until(0.1, 0.0), 59, "equal runs say all there is to know");
        let (wide, narrow) = (runs_until(0.1, 10.0), runs_until(0.02, 10.0));
        assert!(wide < narrow && narrow < 2000, "{wide} and {narrow}");
        assert_eq!(runs_until(0.0, 10.0), 2000, "the cap");
    }

    #[test]
    fn failures_stop_a_level_beyond_what_is_tolerated() {
        let mut strict = schedule(1, Window::Runs(100), true, 0.0);
        strict.next(0.0).unwrap();
        strict.done(&ended(Phase::WarmUp, false));
        assert_eq!(strict.next(0.0), None);
        let mut lenient = schedule(0, Window::Runs(100), true, 0.02);
        for _ in 0..2 {
            lenient.done(&ended(Phase::Measured, false));
            assert!(lenient.next(0.0).is_some());
        }
        lenient.done(&ended(Phase::Measured, false));
        assert_eq!(lenient.next(0.0), None);
    }
}
