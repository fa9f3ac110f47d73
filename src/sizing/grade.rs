//! Grades of answers, and the doubts that lower them.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
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

/// Fewest episodes of slow runs, so that chance changes their number by little more than a third, nineteen times in
/// twenty.
const EPISODES: f64 = 20.0;
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Doubt {
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
    /// replicas.
    SharedReplicas {
        /// Replicas of the rig.
        replicas: f64,
        /// Ends of the capacity.
        carried: (f64, f64),
    },
    /// Fewer than two levels lie within reach of the answer.
    FewLevelsNear(f64),
    /// A level took longer than a higher one.
    Falls {
        /// Concurrency and mean seconds of the lower level.
        low: (f64, f64),
        /// Concurrency and mean seconds of the higher level.
        high: (f64, f64),
    },
    /// A level missed the target though a higher one met it.
    Contradiction {
        /// Level that missed it.
        missed: f64,
        /// Level that met it.
        met: f64,
    },
    /// The curve and the levels disagree around an answer, and leaving out no single level resolves
    /// it.
    CurveAgainstLevels {
        /// The answer, in runs in flight.
        at: f64,
    },
    /// Parts of some levels differ by more than chance.
    Unlike {
        /// The levels.
        levels: Vec<f64>,
        /// Level at which they are furthest apart.
        furthest: f64,
        /// Quantile of its fastest part, in seconds.
        fastest: f64,
        /// Quantile of its slowest part, in seconds.
        #[serde(deserialize_with = "or_infinite")]
        slowest: f64,
        /// True if the parts are repetitions, false if they are halves of one.
        repetitions: bool,
        /// True if any of the levels is near the answer.
        near: bool,
    },
    /// A line and the curve through all runs disagree.
    MethodsDisagree {
        /// Lower end of the capacity by the curve.
        low: f64,
        /// Upper end of the capacity by the curve.
        high: f64,
        /// True if the line is far outside of it.
        far: bool,
    },
    /// The share of runs around the answer that are beyond its limit differs from what the quantile
    /// allows.
    Tail {
        /// The answer, in runs in flight.
        at: f64,
        /// Share of runs beyond the limit.
        share: f64,
        /// Share that the quantile allows.
        allowed: f64,
        /// Capacity by the runs' own quantile.
        carried: f64,
        /// Factor by which that differs from the answer.
        by: f64,
    },
    /// A level was left out because it disagrees with the others.
    LeftOut(f64),
    /// The answer changes without a level.
    RestsOn {
        /// The level.
        level: f64,
        /// Capacity without it.
        without: f64,
    },
    /// The answer lies outside the measured levels.
    Extrapolated {
        /// Lowest and highest usable level.
        measured: (f64, f64),
        /// Answer, in runs in flight.
        point: f64,
    },
    /// The levels lie on steps as well as on a curve, or on steps alone.
    Steps {
        /// Runs in flight from one step to the next.
        width: f64,
        /// Capacity with the steps.
        carried: f64,
        /// Factor by which that is below the answer.
        by: f64,
        /// True if they lie on steps alone.
        shown: bool,
    },
    /// The answer lies between levels so far apart that it follows from the shape of the curve
    /// alone.
    Between {
        /// Next lower level.
        below: f64,
        /// Next higher level.
        above: f64,
        /// True if they are so far apart that the answer is weak.
        far: bool,
    },
    /// Too few runs bound the quantile.
    FewRuns {
        /// Runs around the answer.
        runs: f64,
        /// Fewest runs that bound it.
        needed: u64,
    },
    /// Too few runs near the answer bound the quantile, whose slow runs are then those of other loads.
    BorrowedTail {
        /// The answer, in runs in flight.
        at: f64,
        /// Runs of its shape near it.
        near: f64,
        /// Fewest runs that bound the quantile.
        needed: u64,
    },
    /// Runs were cut off at a time within the limit.
    Cut {
        /// The time, in seconds.
        seconds: f64,
        /// Largest share of a level's runs that were.
        share: f64,
    },
    /// Runs timed out within the limit.
    GivenUp {
        /// The longest that one of them took, in seconds.
        seconds: f64,
        /// Largest share of a level's runs that did.
        share: f64,
    },
    /// Slow runs come in clusters.
    Clusters {
        /// Number of independent ones that they are worth.
        episodes: f64,
    },
    /// Levels are slower than load explains, as if something else slowed the rig for a while: what hit them may have
    /// missed those that the answer rests on.
    SlowAtTimes {
        /// The levels.
        levels: Vec<f64>,
    },
    /// No level was ever steadily loaded.
    Unsteady,
    /// Levels differ by this much beyond their own noise, as a logarithm.
    Uneven(f64),
    /// The quantile jumps at a load.
    Jumps {
        /// The load.
        at: f64,
        /// Quantile below it, in seconds.
        from: f64,
        /// Quantile above it, in seconds.
        #[serde(deserialize_with = "or_infinite")]
        to: f64,
    },
    /// Levels at which runs failed bound the answer.
    Failed {
        /// The levels.
        levels: Vec<f64>,
        /// Largest share of a level's runs that failed.
        share: f64,
        /// True if people tolerate that many failures.
        tolerable: bool,
    },
    /// Runs failed around the answer, which is tolerated.
    Tolerated {
        /// Share of the runs that failed.
        share: f64,
        /// Share that may miss the limit.
        allowed: f64,
        /// Capacity if failures count as misses.
        carried: f64,
        /// Factor by which that is below the answer.
        #[serde(deserialize_with = "or_infinite")]
        by: f64,
    },
    /// A level of a recording lacks the runs that were in flight when it ended.
    Unfinished {
        /// Such levels.
        levels: Vec<f64>,
    },
    /// The server refused runs, or went away, above the highest load that it carried.
    Refused {
        /// Level at which it did.
        at: f64,
        /// Highest load that it carried.
        carried: Option<f64>,
        /// True if it went away.
        gone: bool,
    },
    /// The client was too busy at this level, near the answer.
    ClientLimited(f64),
    /// The processes that run the workflow were busy all the time at this level, near the answer.
    HostLimited(f64),
    /// The answer lies where the server works on no more runs at a time.
    Admission {
        /// Runs that it works on at a time.
        admitted: f64,
    },
    /// The method gives no interval.
    NoInterval,
    /// The line contradicts levels near it.
    LineAgainstLevels {
        /// Highest load that met the target.
        at_least: Option<f64>,
        /// Lowest level that missed it.
        below: Option<f64>,
    },
}

/// Reads a figure that may be infinite, such as the time of runs that failed, for which JSON has null.
pub(super) fn or_infinite<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::INFINITY))
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
            | Self::GivenUp { .. }
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
            Self::Clusters { episodes } if *episodes >= EPISODES => Grade::Fair,
            Self::Wide(_)
            | Self::Uneven(_)
            | Self::SlowAtTimes { .. }
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
            | Self::BorrowedTail { .. }
            | Self::Clusters { .. }
            | Self::Unsteady
            | Self::Jumps { .. }
            | Self::Failed { .. }
            | Self::Tolerated { .. }
            | Self::Unfinished { .. }
            | Self::ClientLimited(_)
            | Self::HostLimited(_)
            | Self::Admission { .. } => Grade::Weak,
        }
    }
}

/// Returns the grade of an answer with these doubts.
pub(super) fn grade(doubts: &[Doubt]) -> Grade {
    doubts.iter().map(Doubt::grade).max().unwrap_or(Grade::Solid)
}
