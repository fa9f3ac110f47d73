//! How far an answer can be relied on, and why no further.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An interval that is wider than this, as a ratio of its ends, is no answer.
pub(super) const UNSETTLED: f64 = 2.0;
/// Wider than this is weak,
const WEAK: f64 = 1.8;
/// wider than this is fair.
const FAIR: f64 = 1.25;
/// Levels that differ by more than this beyond their own noise, as a logarithm, are weak ground.
const UNEVEN: f64 = 0.12;

/// An answer that steps in time would lower by more than this factor is weak.
const STEPPED: f64 = 4.0 / 3.0;

/// An answer that lies outside the measured levels by no more than this factor can still be planned with.
const JUST_OUTSIDE: f64 = 1.1;
/// What runs around an answer carry by their own tail may be this far from it, as a factor, for a fair one.
const OTHER_TAIL: f64 = 1.25;

/// How far an answer can be relied on; ascending in doubt.
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
    /// No answer: only what is known of it on either side.
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

/// A reason to rely on an answer less.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Doubt {
    /// The ends of the interval are far apart: their ratio.
    Wide(f64),
    /// Nothing that was measured bounds the capacity from above.
    NoEnd {
        /// The highest load that is known to be carried.
        carried: f64,
        /// The highest usable level.
        highest: f64,
        /// The lowest level above it, where runs failed.
        failed: Option<f64>,
    },
    /// The limit is so close to what a run takes alone that no number of GPUs may meet it.
    NearlyAlone,
    /// A run alone keeps the limit, yet fewer runs may be carried than the rig is said to have replicas: the
    /// replicas, and the ends of what is carried.
    SharedReplicas { replicas: f64, carried: (f64, f64) },
    /// Fewer than two levels lie within reach of the answer.
    FewLevelsNear(f64),
    /// A level took longer than a higher one: concurrency and mean seconds of both.
    Falls { low: (f64, f64), high: (f64, f64) },
    /// A level missed the target though a higher one met it.
    Contradiction { missed: f64, met: f64 },
    /// The curve and the levels do not agree around an answer, and leaving out no single level mends it.
    CurveAgainstLevels { at: f64 },
    /// Parts of some levels differ by more than chance.
    Unlike {
        levels: Vec<f64>,
        /// The level at which they are furthest apart, and its quantiles in seconds.
        furthest: f64,
        fastest: f64,
        slowest: f64,
        /// Whether the parts are repetitions, or halves of one.
        repetitions: bool,
        /// Whether any of the levels is near the answer.
        near: bool,
    },
    /// A line and the curve through all runs do not agree: what the curve says is carried.
    MethodsDisagree { low: f64, high: f64, far: bool },
    /// Another share of the runs around the answer is beyond the quantile that it rests on: that share and the
    /// one it should be, what is carried by the runs' own quantile, and how far that is from the answer.
    Tail { at: f64, share: f64, allowed: f64, carried: f64, by: f64 },
    /// A level was left out, since it does not agree with the others.
    LeftOut(f64),
    /// Without a level the answer is another.
    RestsOn { level: f64, without: f64 },
    /// The answer lies outside the measured levels.
    Extrapolated {
        /// The lowest and the highest usable level.
        measured: (f64, f64),
        /// The answer.
        point: f64,
    },
    /// The levels lie on steps as well as on a curve, or on steps alone (`shown`).
    Steps {
        /// Runs in flight from one step to the next.
        width: f64,
        /// What is then carried.
        carried: f64,
        /// How far below the answer that is, as a factor.
        by: f64,
        shown: bool,
    },
    /// The answer lies between levels so far apart that the shape of the curve alone says it.
    Between { below: f64, above: f64, far: bool },
    /// Too few runs bound the quantile.
    FewRuns { runs: f64, needed: u64 },
    /// Runs were cut off at a time within the limit; the share of a level's that were, at most.
    Cut { seconds: f64, share: f64 },
    /// No level was ever steadily loaded.
    Unsteady,
    /// Levels differ by this beyond their own noise, as a logarithm.
    Uneven(f64),
    /// The quantile jumps around a load: that load, and seconds below and above it.
    Jumps { at: f64, from: f64, to: f64 },
    /// Levels at which runs failed bound the answer; the share that failed, at most.
    Failed { levels: Vec<f64>, share: f64, tolerable: bool },
    /// Runs failed around the answer, though that is tolerated: their share, the share that may miss the limit, what
    /// is carried if failures miss it too, and how far below the answer that is, as a factor.
    Tolerated { share: f64, allowed: f64, carried: f64, by: f64 },
    /// A level of a recording lacks the runs that were in flight when it ended.
    Unfinished { levels: Vec<f64> },
    /// The server refused runs, or was gone, above the highest load that it carried.
    Refused { at: f64, carried: Option<f64>, gone: bool },
    /// The client was too busy at levels around the answer.
    ClientLimited(f64),
    /// The method gives no interval.
    NoInterval,
    /// The line contradicts what levels near it showed.
    LineAgainstLevels { at_least: Option<f64>, below: Option<f64> },
}

impl Doubt {
    /// Whether levels contradict each other or the curve.
    pub fn is_contradiction(&self) -> bool {
        matches!(
            self,
            Self::Falls { .. } | Self::Contradiction { .. } | Self::CurveAgainstLevels { .. }
        )
    }

    /// The best grade that an answer with it can have.
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

/// The grade of an answer with such doubts.
pub(super) fn grade(doubts: &[Doubt]) -> Grade {
    doubts.iter().map(Doubt::grade).max().unwrap_or(Grade::Solid)
}
