//! How a command ended, and the exit codes that stand for it.

/// What was asked for, or what it rests on, makes no sense.
pub(super) const BAD_INPUT: u8 = 2;
/// Something failed, or the question stays open.
pub(super) const FAILED: u8 = 1;

/// How a command ended, when not in an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All went well.
    Done,
    /// The measurements stand, the question stays open.
    NoAnswer,
    /// No number of GPUs meets the target.
    OutOfReach,
}

impl End {
    /// The exit code that stands for it.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::NoAnswer => FAILED,
            Self::OutOfReach => 3,
        }
    }
}
