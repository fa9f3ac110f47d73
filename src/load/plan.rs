//! Plans of levels: everything that a load generator has to know, independent of the machine that it
//! runs on.

use super::PlanError;
use super::schedule::{Window, Workload};
use crate::dataset::level_size;
use crate::measure::Item;
use crate::pacing::{LoadPoint, Pacing, PacingError, Segment, Setting, Turns};
use crate::spec::{Concurrency, Mode, WindowSpec};
use serde::{Deserialize, Serialize};

/// Most runs of a level, counted or as warm-up.
const MOST_RUNS: usize = 1_000_000_000_000;
/// Longest duration of a level, in seconds.
const LONGEST: f64 = 1e9;

/// One level's load, or a share of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelPlan {
    /// The load of the whole level.
    pub point: LoadPoint,
    /// Rule by which runs begin.
    pub pacing: Pacing,
    /// Seconds over which the first runs are spread.
    pub ramp: f64,
    /// Seed of everything random.
    pub seed: u64,
    /// The runs of the whole level.
    pub workload: Workload,
    /// The part of the level that is made here.
    #[serde(default, skip_serializing_if = "Segment::is_whole")]
    pub segment: Segment,
}

/// Number of runs of a level, known before its items are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelSize {
    point: LoadPoint,
    warmup: usize,
    counted: Option<usize>,
}

impl LevelSize {
    /// Returns the size of a level of a spec; `chosen` is the number of measured runs of an adaptive
    /// level, used if the spec leaves it open.
    pub fn of_spec(load: &Concurrency, point: LoadPoint, chosen: Option<usize>) -> Self {
        let wave = point.axis() as usize;
        let counted = match load.window {
            WindowSpec::Runs(runs) => Some(runs as usize),
            WindowSpec::Passes(passes) => Some(wave.saturating_mul(passes as usize)),
            WindowSpec::Until(until) => Some(until.at_most as usize),
            WindowSpec::Duration(_) => None,
            WindowSpec::Open => chosen,
        };
        Self { point, warmup: (load.warmup_waves() as usize).saturating_mul(wave), counted }
    }

    /// Returns the largest number of items needed; `None` if it depends on the dataset or on time.
    pub fn items(&self) -> Option<usize> {
        self.counted.map(|runs| runs.saturating_add(self.warmup))
    }
}

impl LevelPlan {
    /// Makes the plan of a level of a spec.
    pub fn of_spec(load: &Concurrency, size: LevelSize, items: Vec<Item>) -> Self {
        let LevelSize { point, warmup, counted } = size;
        let window = match load.window {
            WindowSpec::Duration(duration) => Window::Seconds(duration.get()),
            WindowSpec::Until(until) => {
                Window::Until { width: until.p95_within.get(), most: until.at_most as usize }
            }
            WindowSpec::Runs(_) | WindowSpec::Passes(_) | WindowSpec::Open => {
                Window::Runs(counted.unwrap_or_else(|| level_size(items.len(), point.axis())))
            }
        };
        Self {
            point,
            pacing: load.pacing(),
            ramp: load.ramp.get(),
            // Levels have nothing random in common.
            seed: load.seed ^ u64::from(point.axis()) << 32,
            workload: Workload {
                items,
                warmup,
                window,
                keep_loaded: load.mode == Mode::Sustained,
                tolerated: load.on_failure.tolerated(),
            },
            segment: Segment::WHOLE,
        }
    }

    /// Returns share `index`, from 0, of `of` shares that together make up this plan. Each run is in
    /// exactly one of them, with the id, the seed and the time that it has in the whole. These two
    /// numbers are all that a machine needs to know its share. In an `until` window, each share
    /// looks at its own runs.
    ///
    /// # Errors
    ///
    /// Fails if there is no such share, or if one of them would have nothing to do.
    pub fn share(&self, index: u32, of: u32) -> Result<Self, PlanError> {
        self.clone().into_share(index, of)
    }

    /// Returns the same as [`Self::share`], without a second copy of the items.
    pub(super) fn into_share(self, index: u32, of: u32) -> Result<Self, PlanError> {
        let segment = self.segment.part(Segment { index, of })?;
        let share = Self { segment, ..self };
        share.turns().map(|_| share)
    }

    /// Returns the largest number of runs in flight of this part of the level; for an open loop, an
    /// estimate.
    pub fn in_flight(&self) -> u32 {
        self.pacing.shape().in_flight(self.point, self.segment)
    }

    /// Returns the largest number of runs of this part of the level, warm-up included; `None` if its
    /// window is a time.
    pub fn runs(&self) -> Option<usize> {
        let Workload { warmup, window, .. } = self.workload;
        let measured = match window {
            Window::Runs(runs) | Window::Until { most: runs, .. } => runs,
            Window::Seconds(_) => return None,
        };
        self.turns().ok().map(|turns| turns.count(warmup.saturating_add(measured)))
    }

    /// Returns the runs of this part of the level.
    pub(super) fn turns(&self) -> Result<Turns, PlanError> {
        let Self { point, segment, .. } = *self;
        let turns = self.pacing.shape().turns(point, segment.check()?);
        turns.ok_or_else(|| PlanError::TooManyShares { point: point.to_string(), of: segment.of })
    }

    /// Returns what the times of its runs follow from.
    pub(super) fn setting(&self) -> Setting {
        let Self { point, segment, ramp, seed, .. } = *self;
        Setting { point, segment, ramp, seed }
    }

    /// Checks a plan of unknown origin.
    pub(super) fn check(&self) -> Result<(), PlanError> {
        self.point.check()?;
        self.pacing.shape().check(self.point)?;
        self.turns()?;
        let Self { ramp, workload, .. } = self;
        let Workload { items, warmup, window, tolerated, .. } = workload;
        let time = |seconds: f64| (0.0..=LONGEST).contains(&seconds);
        let (measured, width) = match *window {
            Window::Runs(runs) => (runs > 0 && runs <= MOST_RUNS, true),
            Window::Seconds(seconds) => (seconds > 0.0 && time(seconds), true),
            Window::Until { width, most } => {
                (most > 0 && most <= MOST_RUNS, width.is_finite() && width > 0.0)
            }
        };
        for (key, holds, bounds) in [
            ("ramp", time(*ramp), "is a time in seconds, at most 1e9"),
            ("items", !items.is_empty(), "has at least one"),
            ("warmup", *warmup <= MOST_RUNS, "is at most 1000000000000 runs"),
            ("window", measured, "has at least one run, or lasts some time, and has an end"),
            ("width", width, "is a share above 0"),
            ("tolerated", (0.0..=1.0).contains(tolerated), "is a share, 0 to 1"),
        ] {
            if !holds {
                return Err(PacingError::OutOfBounds { key, bounds }.into());
            }
        }
        Ok(())
    }
}
