//! Mistakes in a pacing, without their positions in a file.

/// Mistake in the value of a key of `concurrency`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyError {
    pub message: &'static str,
    pub help: &'static str,
}

/// Fails unless something holds.
pub(super) fn ensure(
    holds: bool,
    message: &'static str,
    help: &'static str,
) -> Result<(), KeyError> {
    if holds { Ok(()) } else { Err(KeyError { message, help }) }
}
