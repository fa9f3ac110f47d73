//! Words for the states of stages.

use super::reason::RemeasureReason;
use super::stage_id::StageId;
use crate::engine;
use std::fmt;

/// The state of a stage.
pub type State = engine::State<StageId, RemeasureReason>;

/// One stage's status.
pub type StageStatus = engine::StageStatus<StageId, RemeasureReason>;

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => f.write_str("current"),
            Self::NotHere => f.write_str("locked, but not in this store"),
            Self::Damaged => f.write_str("damaged"),
            Self::NotLocked => f.write_str("in the store, but not locked"),
            Self::Stale(reason) => write!(f, "stale: {reason}"),
            Self::Left => f.write_str("locked, but no longer in the spec"),
            Self::NotWritten => {
                f.write_str("made, but not in the output folder; `sizer render` writes it")
            }
            Self::Replaced => f.write_str(
                "another file is in its place in the output folder; `sizer render` writes it again",
            ),
        }
    }
}
