//! Reasons why stages have to run, with their wording.

use super::stage_id::StageId;
use std::fmt;

/// The reason why a stage has to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There is no trace of an earlier run.
    NeverRan,
    /// It ran elsewhere, or was collected: the lock file or an earlier run knows it, this store
    /// does not.
    NotInStore,
    /// Its artifact is there but is not what it was.
    Damaged,
    /// This version of sizer does the stage differently.
    NewVersion,
    /// The user asked for it.
    Forced,
    /// The user asked for it in a run that was stopped before it was done.
    Owed,
    /// The server was gone before it was measured whole, or took none of its runs.
    CutShort,
    /// It was measured with fewer runs than are wanted.
    FewRuns,
    /// New levels are measured beside it, so whether the rig is still the same is seen first.
    Compared,
    /// Its slice of the spec, or the content of a file in it, changed.
    Changed(Vec<String>),
    /// The artifacts of these stages, which it reads, changed.
    InputsChanged(Vec<String>),
    /// Another branch of the matrix makes the same artifact.
    SharedWith(String),
    /// Another stage has to run first; whether this one must is known only then.
    Needs(Vec<StageId>),
}

impl Reason {
    /// Returns true if the stage runs although an intact artifact is there.
    pub(super) fn is_to_be_made_all_the_same(&self) -> bool {
        matches!(self, Self::FewRuns | Self::Compared | Self::Owed | Self::CutShort)
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
            Self::Owed => f.write_str("forced in a run that ended before"),
            Self::CutShort => f.write_str(
                "the server stopped answering while it was measured, or took none of its runs",
            ),
            Self::FewRuns => f.write_str("measured with fewer runs than wanted"),
            Self::Compared => f.write_str("measured again, to see whether the rig is as it was"),
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
