//! How a command ended.

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
            Self::NoAnswer => 1,
            Self::OutOfReach => 3,
        }
    }
}
