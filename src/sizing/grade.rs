//! Grades of answers, and the doubts that lower them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Ratio of an interval's ends above which it is no answer.
pub(super) const UNSETTLED: f64 = 2.0;
/// Ratio above which an interval is weak.
const WEAK: f64 = 1.8;
/// Ratio above which an interval is fair.
const FAIR: f64 = 1.25;
/// Difference between levels beyond their own noise, as a logarithm, above which they are weak
/// ground.
const UNEVEN: f64 = 0.12;

/// Factor by which steps may lower a fair answer.
const STEPPED: f64 = 4.0 / 3.0;

/// Factor by which an answer outside the measured levels can still be planned with.
const JUST_OUTSIDE: f64 = 1.1;
/// Factor by which the capacity from the tail of the runs around a fair answer may differ from it.
const OTHER_TAIL: f64 = 1.25;

/// Grade of an answer's reliability, ascending in doubt.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Measured around the answer, in levels that agree, and narrow.
    Solid,
    /// Good enough to plan with.
    Fair,
    /// Better than nothing; measure more before money depends on it.
    Weak,
    /// No answer: only bounds on either side.
    Unsettled,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Solid => "solid",
            Self::Fair => "fair",
            Self::Weak => "weak",
            Self::Unsettled => "unsettled",
        })
    }
}

/// A reason to rely less on an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Doubt {
    /// The interval is wide: the ratio of its ends.
    Wide(f64),
    /// Nothing that was measured bounds the capacity from above.
    NoEnd {
        /// Highest load that is known to be carried.
        carried: f64,
        /// Highest usable level.
        highest: f64,
        /// Lowest level above it at which runs failed.
        failed: Option<f64>,
    },
    /// The limit is so close to the time of a run alone that no number of GPUs may meet it.
    NearlyAlone,
    /// A run alone meets the limit, yet the rig may carry fewer runs than it is said to have
    /// replicas: the replicas, and the ends of the capacity.
    SharedReplicas { replicas: f64, carried: (f64, f64) },
    /// Fewer than two levels lie within reach of the answer.
    FewLevelsNear(f64),
    /// A level took longer than a higher one: concurrency and mean seconds of both.
    Falls { low: (f64, f64), high: (f64, f64) },
    /// A level missed the target though a higher one met it.
    Contradiction { missed: f64, met: f64 },
    /// The curve and the levels disagree around an answer, and leaving out no single level resolves
    /// it.
    CurveAgainstLevels { at: f64 },
    /// Parts of some levels differ by more than chance.
    Unlike {
        levels: Vec<f64>,
        /// Level at which they are furthest apart, with its quantiles in seconds.
        furthest: f64,
        fastest: f64,
        slowest: f64,
        /// True if the parts are repetitions, false if they are halves of one.
        repetitions: bool,
        /// True if any of the levels is near the answer.
        near: bool,
    },
    /// A line and the curve through all runs disagree: the capacity by the curve.
    MethodsDisagree { low: f64, high: f64, far: bool },
    /// The share of runs around the answer that are beyond its limit differs from what the quantile
    /// allows: both shares, the capacity by the runs' own quantile, and the factor by which that
    /// differs from the answer.
    Tail { at: f64, share: f64, allowed: f64, carried: f64, by: f64 },
    /// A level was left out because it disagrees with the others.
    LeftOut(f64),
    /// The answer changes without a level.
    RestsOn { level: f64, without: f64 },
    /// The answer lies outside the measured levels.
    Extrapolated {
        /// Lowest and highest usable level.
        measured: (f64, f64),
        /// Answer, in runs in flight.
        point: f64,
    },
    /// The levels lie on steps as well as on a curve, or on steps alone (`shown`).
    Steps {
        /// Runs in flight from one step to the next.
        width: f64,
        /// Capacity with the steps.
        carried: f64,
        /// Factor by which that is below the answer.
        by: f64,
        shown: bool,
    },
    /// The answer lies between levels so far apart that it follows from the shape of the curve
    /// alone.
    Between { below: f64, above: f64, far: bool },
    /// Too few runs bound the quantile.
    FewRuns { runs: f64, needed: u64 },
    /// Runs were cut off at a time within the limit; the largest share of a level's runs that were.
    Cut { seconds: f64, share: f64 },
    /// No level was ever steadily loaded.
    Unsteady,
    /// Levels differ by this much beyond their own noise, as a logarithm.
    Uneven(f64),
    /// The quantile jumps at a load: that load, and seconds below and above it.
    Jumps { at: f64, from: f64, to: f64 },
    /// Levels at which runs failed bound the answer; the largest share that failed.
    Failed { levels: Vec<f64>, share: f64, tolerable: bool },
    /// Runs failed around the answer, which is tolerated: their share, the share that may miss the
    /// limit, the capacity if failures count as misses, and the factor by which that is below the
    /// answer.
    Tolerated { share: f64, allowed: f64, carried: f64, by: f64 },
    /// A level of a recording lacks the runs that were in flight when it ended.
    Unfinished { levels: Vec<f64> },
    /// The server refused runs, or went away, above the highest load that it carried.
    Refused { at: f64, carried: Option<f64>, gone: bool },
    /// The client was too busy at levels around the answer.
    ClientLimited(f64),
    /// The method gives no interval.
    NoInterval,
    /// The line contradicts levels near it.
    LineAgainstLevels { at_least: Option<f64>, below: Option<f64> },
}

impl Doubt {
    /// Returns true if levels contradict each other or the curve.
    pub fn is_contradiction(&self) -> bool {
        matches!(
            self,
            Self::Falls { .. } | Self::Contradiction { .. } | Self::CurveAgainstLevels { .. }
        )
    }

    /// Returns the best grade of an answer with this doubt.
    pub fn grade(&self) -> Grade {
        match self {
            Self::Wide(ratio) if *ratio > UNSETTLED => Grade::Unsettled,
            Self::Wide(ratio) if *ratio > WEAK => Grade::Weak,
            Self::Wide(ratio) if *ratio <= FAIR => Grade::Solid,
            Self::NoEnd { .. }
            | Self::NearlyAlone
            | Self::SharedReplicas { .. }
            | Self::FewLevelsNear(_)
            | Self::Cut { .. }
            | Self::Falls { .. }
            | Self::Contradiction { .. }
            | Self::CurveAgainstLevels { .. }
            | Self::LineAgainstLevels { .. } => Grade::Unsettled,
            Self::Uneven(by) if *by > UNEVEN => Grade::Weak,
            Self::Extrapolated { measured: (lowest, highest), point }
                if *point <= highest * JUST_OUTSIDE && point * JUST_OUTSIDE >= *lowest =>
            {
                Grade::Fair
            }
            Self::Unlike { near: false, .. } | Self::MethodsDisagree { far: false, .. } => {
                Grade::Fair
            }
            Self::Steps { by, shown: false, .. } if *by <= STEPPED => Grade::Fair,
            Self::Tail { by, .. } | Self::Tolerated { by, .. } if *by <= OTHER_TAIL => Grade::Fair,
            Self::Wide(_)
            | Self::Uneven(_)
            | Self::Refused { .. }
            | Self::NoInterval
            | Self::Between { far: false, .. } => Grade::Fair,
            Self::LeftOut(_)
            | Self::RestsOn { .. }
            | Self::Extrapolated { .. }
            | Self::Steps { .. }
            | Self::Tail { .. }
            | Self::Unlike { .. }
            | Self::MethodsDisagree { .. }
            | Self::Between { .. }
            | Self::FewRuns { .. }
            | Self::Unsteady
            | Self::Jumps { .. }
            | Self::Failed { .. }
            | Self::Tolerated { .. }
            | Self::Unfinished { .. }
            | Self::ClientLimited(_) => Grade::Weak,
        }
    }
}

/// Returns the grade of an answer with these doubts.
pub(super) fn grade(doubts: &[Doubt]) -> Grade {
    doubts.iter().map(Doubt::grade).max().unwrap_or(Grade::Solid)
}
