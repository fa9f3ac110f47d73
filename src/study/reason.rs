//! Words for the reasons why stages have to run.

use super::stage_id::StageId;
use crate::engine;
use std::fmt;

/// The reason why a stage has to run.
pub type Reason = engine::Reason<StageId, RemeasureReason>;

/// The reason why a level is measured again although there is a recording of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemeasureReason {
    /// It was measured with fewer runs than are wanted.
    FewRuns,
    /// New levels are measured beside it, so whether the rig is still the same is seen first.
    Compared,
}

impl fmt::Display for RemeasureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FewRuns => "measured with fewer runs than wanted",
            Self::Compared => "measured again, to check whether the rig has changed",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverRan => f.write_str("never ran"),
            Self::NotInStore => f.write_str("made before, but not in this store"),
            Self::Damaged => f.write_str("artifact damaged"),
            Self::NewVersion => f.write_str("this version of sizer does it differently"),
            Self::Forced => f.write_str("forced"),
            Self::Owed => f.write_str("forced in a run that ended before making it"),
            Self::CutShort => f.write_str(
                "the server stopped answering while it was measured, or accepted none of its runs",
            ),
            Self::Again(again) => again.fmt(f),
            Self::Changed(changes) => write_list(f, changes),
            Self::InputsChanged(inputs) => {
                f.write_str("changed: ")?;
                write_list(f, inputs)
            }
            Self::SharedWith(branch) => write!(f, "shared with [{branch}]"),
            Self::Needs(stages) => {
                f.write_str("needs ")?;
                write_list(f, stages)
            }
        }
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, items: &[impl fmt::Display]) -> fmt::Result {
    const SHOWN: usize = 3;
    let shown: Vec<String> = items.iter().take(SHOWN).map(ToString::to_string).collect();
    f.write_str(&shown.join(", "))?;
    match items.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}
