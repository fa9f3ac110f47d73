//! Which levels are measured.

use super::rigs::sweep::level;
use super::rigs::{Scenario, adaptive};
use sizer::LevelMetrics;
use sizer::extend::LevelPlan;
use std::fmt;

/// Virtual time that an adaptive sweep may take, in times of the target: as in the accuracy bench.
const BUDGET: f64 = 40.0;
const PASSES: u32 = 8;
/// A sweep of more levels than this would be a defect of the planner, and must not go on for ever.
const MOST_LEVELS: usize = 100;

/// Which levels are measured.
#[derive(Clone, Debug)]
pub enum Plan {
    /// Those that sizer chooses.
    Adaptive,
    /// A list, warmed up and kept loaded.
    Levels(Vec<u32>),
    /// A list, each level so many waves of runs with nothing before and after them.
    Bursts(Vec<u32>, u32),
}

impl Plan {
    /// 1, 2, 4 and so on up to a level.
    pub fn doubling(highest: u32) -> Vec<u32> {
        let doubled = std::iter::successors(Some(1), |level| Some(level * 2));
        doubled.take_while(|level| *level <= highest).collect()
    }

    /// The same until well beyond what the rig carries, and up to a level at the least: a list that ends where
    /// the limit is crossed, or below, does not show where that is.
    pub fn doubling_beyond(capacity: u32, at_least: u32) -> Vec<u32> {
        let beyond = capacity + capacity / 2;
        Self::doubling(beyond.next_power_of_two().max(at_least))
    }

    /// The next level.
    pub fn next(&self, scenario: &Scenario, measured: &[LevelMetrics]) -> Option<LevelPlan> {
        let sized = |concurrency: u32, passes: u32| {
            level(scenario, concurrency, (concurrency * passes) as usize)
        };
        match self {
            Self::Adaptive if measured.len() < MOST_LEVELS => adaptive(scenario, BUDGET)(measured),
            Self::Adaptive => None,
            Self::Levels(levels) => Some(sized(*levels.get(measured.len())?, PASSES)),
            Self::Bursts(levels, passes) => {
                let mut level = sized(*levels.get(measured.len())?, *passes);
                (level.workload.warmup, level.workload.keep_loaded) = (0, false);
                Some(level)
            }
        }
    }

    /// About how many levels there will be on a rig that carries so many runs.
    pub fn levels(&self, capacity: u32) -> usize {
        const NEAR: usize = 3;
        match self {
            Self::Adaptive => Self::doubling(2 * capacity).len() + NEAR,
            Self::Levels(levels) | Self::Bursts(levels, _) => levels.len(),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Adaptive => f.pad("adaptive"),
            Self::Levels(_) => f.pad("levels"),
            Self::Bursts(_, 1) => f.pad("1 wave"),
            Self::Bursts(_, passes) => f.pad(&format!("{passes} waves")),
        }
    }
}
