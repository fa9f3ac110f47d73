//! Ends of commands, with their exit codes.

/// Exit code of a command whose arguments or inputs are invalid.
pub(super) const BAD_INPUT: u8 = 2;
/// Exit code of a command that failed, or left the question open.
pub(super) const FAILED: u8 = 1;

/// End of a command that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything went well.
    Done,
    /// The measurements are sound, but the question stays open.
    NoAnswer,
    /// No number of GPUs meets the target.
    OutOfReach,
    /// A signal ended a server, with this exit code.
    Signalled(u8),
}

impl End {
    /// Returns the exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::NoAnswer => FAILED,
            Self::OutOfReach => 3,
            Self::Signalled(code) => code,
        }
    }
}
