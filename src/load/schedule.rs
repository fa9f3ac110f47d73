//! Choice of the next run, and of the part of the level that it belongs to.

use crate::measure::{Interval, Item, Phase, Run, Summary};
use crate::pacing::Turns;
use serde::{Deserialize, Serialize};

/// Runs of a level: their items, their number, and the end of its window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// The items, each once, in order; repeated as often as needed.
    pub items: Vec<Item>,
    /// Runs before the measured window.
    pub warmup: usize,
    /// The measured window.
    pub window: Window,
    /// True if the load is kept up until the last measured run has ended.
    pub keep_loaded: bool,
    /// Share of the runs that may fail before the level is stopped.
    pub tolerated: f64,
}

/// Extent of a level's measurement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
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

/// A level under way.
#[derive(Debug)]
pub(super) struct Schedule {
    workload: Workload,
    turns: Turns,
    started: usize,
    measured: usize,
    measured_done: usize,
    failed: usize,
    window_began: Option<f64>,
    window_over: bool,
    stopped: bool,
    /// Runtimes of the measured runs that succeeded, where the window depends on them.
    runtimes: Vec<f64>,
    /// Number of them at which the interval is computed again.
    look_at: usize,
}

/// A run that is due.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DueRun {
    /// Position among the runs that are made here.
    pub index: usize,
    pub phase: Phase,
    pub item: Item,
}

/// With fewer runs a p95 has no upper end.
const FEWEST_FOR_AN_INTERVAL: usize = 59;

impl Schedule {
    /// Ends the window once the p95 is known well enough.
    fn note_runtime(&mut self, run: &Run) {
        let Window::Until { width, .. } = self.workload.window else { return };
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
            self.window_over |= high - low <= width * self.turns.widening() * summary.p95;
        }
    }

    /// Makes a schedule of the runs of a workload that belong to `turns`.
    pub fn new(workload: Workload, turns: Turns) -> Self {
        let stopped = workload.items.is_empty();
        Self {
            workload,
            turns,
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
    pub fn next(&mut self, now: f64) -> Option<DueRun> {
        if self.stopped {
            return None;
        }
        let position = self.turns.position(self.started);
        let phase = if position < self.workload.warmup {
            Phase::WarmUp
        } else if self.window_is_open(position, now) {
            Phase::Measured
        } else if self.workload.keep_loaded && self.measured_done < self.measured {
            Phase::CoolDown
        } else {
            self.stopped = true;
            return None;
        };
        let due = DueRun { index: self.started, phase, item: self.item(position, phase)? };
        self.started += 1;
        self.measured += usize::from(phase.is_measured());
        Some(due)
    }

    /// Begins the measured window, unless it has begun.
    pub fn open_window(&mut self, now: f64) {
        self.window_began.get_or_insert(now);
    }

    fn window_is_open(&mut self, position: usize, now: f64) -> bool {
        let began = *self.window_began.get_or_insert(now);
        self.window_over |= match self.workload.window {
            Window::Runs(runs) => position - self.workload.warmup >= runs,
            Window::Seconds(seconds) => now - began >= seconds,
            Window::Until { most, .. } => position - self.workload.warmup >= most,
        };
        !self.window_over
    }

    /// The items go round and round. The measured window begins with the first, so that its ids
    /// are the same whatever came before; the warm-up ends with the last. Positions are those among all
    /// runs of the level, so no two of its parts give the same id.
    fn item(&self, position: usize, phase: Phase) -> Option<Item> {
        let all = self.workload.items.len();
        let warmup = self.workload.warmup;
        let place = match phase {
            Phase::WarmUp => (all - warmup % all + position) % all,
            Phase::Measured | Phase::CoolDown => (position - warmup) % all,
        };
        let mut item = self.workload.items.get(place)?.clone();
        match phase {
            Phase::WarmUp => item.id = format!("{}_warmup{position}", item.id),
            Phase::Measured => match (position - warmup) / all {
                0 => {}
                repeat => item.id = format!("{}_rep{repeat}", item.id),
            },
            Phase::CoolDown => {
                let measured = match self.workload.window {
                    Window::Runs(runs) => runs,
                    _ if self.turns.are_all() => self.measured,
                    // How many the other parts measured is not known here.
                    _ => 0,
                };
                item.id = format!("{}_after{}", item.id, position - warmup - measured);
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
        let most = match self.workload.window {
            // Those of the whole level: what is too much for a part of it would be so for all.
            Window::Runs(runs) | Window::Until { most: runs, .. } => {
                Some(self.workload.tolerated * runs as f64)
            }
            // How many runs there will be is not known; the level is judged when it is over.
            Window::Seconds(_) => (self.workload.tolerated <= 0.0).then_some(0.0),
        };
        self.stopped |= most.is_some_and(|most| self.failed as f64 > most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Failure, FailureKind, Outcome};
    use crate::pacing::Segment;

    fn schedule(warmup: usize, window: Window, keep_loaded: bool, tolerated: f64) -> Schedule {
        let items = ["a", "b", "c"]
            .map(|id| Item { id: id.into(), input: "?".into(), ..Item::default() })
            .to_vec();
        let workload = Workload { items, warmup, window, keep_loaded, tolerated };
        Schedule::new(workload, Turns::of_users(Segment::WHOLE, 2))
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
