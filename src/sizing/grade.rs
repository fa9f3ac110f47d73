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

/// An answer that lies outside the measured levels by no more than this factor can still be planned with.
const JUST_OUTSIDE: f64 = 1.25;

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
    },
    /// The limit is so close to what a run takes alone that no number of GPUs may meet it.
    NearlyAlone,
    /// Fewer than two levels lie within reach of the answer.
    FewLevelsNear(f64),
    /// A level took longer than a higher one: concurrency and mean seconds of both.
    Falls { low: (f64, f64), high: (f64, f64) },
    /// A level missed the target though a higher one met it.
    Contradiction { missed: f64, met: f64 },
    /// The curve and the levels do not agree, and leaving out no single level mends it.
    CurveAgainstLevels,
    /// A level was left out, since it does not agree with the others.
    LeftOut(f64),
    /// Without a level the answer is another.
    RestsOn { level: f64, without: f64 },
    /// The answer lies outside the measured levels.
    Extrapolated {
        /// The highest usable level.
        highest: f64,
        /// How far outside it lies, as a factor.
        by: f64,
    },
    /// Too few runs bound the quantile.
    FewRuns { runs: f64, needed: u64 },
    /// No level was ever steadily loaded.
    Unsteady,
    /// Levels differ by this beyond their own noise, as a logarithm.
    Uneven(f64),
    /// The quantile jumps around a load: that load, and seconds below and above it.
    Jumps { at: f64, from: f64, to: f64 },
    /// Levels at which runs failed bound the answer; the share that failed, at most.
    Failed { levels: Vec<f64>, share: f64, tolerable: bool },
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
        matches!(self, Self::Falls { .. } | Self::Contradiction { .. } | Self::CurveAgainstLevels)
    }

    /// The best grade that an answer with it can have.
    pub fn grade(&self) -> Grade {
        match self {
            Self::Wide(ratio) if *ratio > UNSETTLED => Grade::Unsettled,
            Self::Wide(ratio) if *ratio > WEAK => Grade::Weak,
            Self::Wide(ratio) if *ratio <= FAIR => Grade::Solid,
            Self::NoEnd { .. }
            | Self::NearlyAlone
            | Self::FewLevelsNear(_)
            | Self::Falls { .. }
            | Self::Contradiction { .. }
            | Self::CurveAgainstLevels
            | Self::LineAgainstLevels { .. } => Grade::Unsettled,
            Self::Uneven(by) if *by > UNEVEN => Grade::Weak,
            Self::Extrapolated { by, .. } if *by <= JUST_OUTSIDE => Grade::Fair,
            Self::Wide(_) | Self::Uneven(_) | Self::Refused { .. } | Self::NoInterval => {
                Grade::Fair
            }
            Self::LeftOut(_)
            | Self::RestsOn { .. }
            | Self::Extrapolated { .. }
            | Self::FewRuns { .. }
            | Self::Unsteady
            | Self::Jumps { .. }
            | Self::Failed { .. }
            | Self::ClientLimited(_) => Grade::Weak,
        }
    }
}

/// A load without decimals that say nothing.
fn load(concurrency: f64) -> String {
    let shown = format!("{concurrency:.1}");
    shown.strip_suffix(".0").map(str::to_owned).unwrap_or(shown)
}

fn refused(gone: bool) -> &'static str {
    if gone { "stopped answering" } else { "refused runs" }
}

impl fmt::Display for Doubt {
    #[expect(
        clippy::too_many_lines,
        reason = "one sentence for each doubt, and no more logic than that"
    )]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wide(ratio) => write!(
                f,
                "the ends of the interval are a factor of {ratio:.2} apart: more runs near the limit make it narrower"
            ),
            Self::NoEnd { carried, highest } => write!(
                f,
                "nothing that was measured shows where the limit is reached: at least {} in flight are carried, and \
                 no level above {} was measured; add higher levels, such as {}",
                load(*carried),
                load(*highest),
                load((2.0 * *highest).round())
            ),
            Self::NearlyAlone => f.write_str(
                "the limit is so close to what a run takes alone that no number of GPUs may meet it: measure more runs \
                 at the lowest level, or loosen the limit",
            ),
            Self::FewLevelsNear(capacity) => write!(
                f,
                "fewer than two usable levels lie near concurrency {}: add some around it",
                load(*capacity)
            ),
            Self::Falls { low, high } => write!(
                f,
                "time falls with load: {:.3} s on average at concurrency {}, {:.3} s at {}; something else slowed the \
                 one or sped up the other, so measure them again (--force sweep@{})",
                low.1,
                load(low.0),
                high.1,
                load(high.0),
                load(low.0)
            ),
            Self::Contradiction { missed, met } => write!(
                f,
                "concurrency {} missed the limit though {} met it: one of them was disturbed, so measure both again \
                 (--force sweep@{},sweep@{})",
                load(*missed),
                load(*met),
                load(*missed),
                load(*met)
            ),
            Self::CurveAgainstLevels => f.write_str(
                "the curve through all levels contradicts what the levels around the limit showed: measure more \
                 levels there",
            ),
            Self::LeftOut(level) => write!(
                f,
                "concurrency {} was left out, since it does not agree with the other levels: measure it again (--force \
                 sweep@{})",
                load(*level),
                load(*level)
            ),
            Self::RestsOn { level, without } => write!(
                f,
                "the answer rests on concurrency {} alone: without it the rig would be said to carry {}; measure \
                 another level near it",
                load(*level),
                load(*without)
            ),
            Self::Extrapolated { highest, .. } => write!(
                f,
                "the answer lies outside the measured levels (highest {}): add levels around it",
                load(*highest)
            ),
            Self::FewRuns { runs, needed } => write!(
                f,
                "it rests on about {runs:.0} runs around the answer, where {needed} are needed to bound that quantile"
            ),
            Self::Unsteady => f.write_str(
                "the levels are bursts of less than three waves, so no load was ever steady: measure more passes",
            ),
            Self::Jumps { at, from, to } => write!(
                f,
                "the limited time jumps from {from:.3} s to {to:.3} s around concurrency {}: some runs are far slower \
                 than the rest, and their share decides; measure more runs at levels around it",
                load(*at)
            ),
            Self::Uneven(by) => write!(
                f,
                "levels differ by about {:.0} % beyond the noise of their runs: the rig was not the same throughout",
                (by.exp() - 1.0) * 100.0
            ),
            Self::Failed { levels, share, tolerable } => {
                let levels: Vec<String> = levels.iter().copied().map(load).collect();
                write!(
                    f,
                    "runs failed at concurrency {}: those levels bound the answer and are in no fit",
                    levels.join(", ")
                )?;
                if *tolerable {
                    let percent = (share * 100.0).ceil().max(1.0);
                    write!(
                        f,
                        "; with concurrency.on_failure: {{tolerate: {percent:.0}%}} they would count (at most {:.1} % of \
                         their runs failed)",
                        share * 100.0
                    )?;
                }
                Ok(())
            }
            Self::Refused { at, carried: Some(carried), gone } => write!(
                f,
                "the server {} at concurrency {}, and carried {}: the limit is the server's, between those \
                 levels",
                refused(*gone),
                load(*at),
                load(*carried)
            ),
            Self::Refused { at, carried: None, gone } => {
                let (what, at) = (refused(*gone), load(*at));
                write!(f, "the server {what} at concurrency {at}, and no lower level is known to be carried")
            }
            Self::ClientLimited(level) => write!(
                f,
                "the client itself was too busy at concurrency {}: load from a machine with more cores to spare",
                load(*level)
            ),
            Self::NoInterval => {
                f.write_str("a straight line gives no interval: nothing says how far it is off")
            }
            Self::LineAgainstLevels { at_least, below } => {
                f.write_str("the line contradicts what was measured: ")?;
                match (at_least, below) {
                    (Some(met), Some(missed)) => write!(
                        f,
                        "concurrency {} met the limit and {} did not",
                        load(*met),
                        load(*missed)
                    ),
                    (Some(met), None) => write!(f, "concurrency {} met the limit", load(*met)),
                    (None, Some(missed)) => write!(f, "concurrency {} missed the limit", load(*missed)),
                    (None, None) => f.write_str("levels near the limit disagree"),
                }
            }
        }
    }
}

/// The grade of an answer with such doubts.
pub(super) fn grade(doubts: &[Doubt]) -> Grade {
    doubts.iter().map(Doubt::grade).max().unwrap_or(Grade::Solid)
}
