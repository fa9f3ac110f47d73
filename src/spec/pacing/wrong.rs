//! Mistakes in a pacing, without their positions in a file.

/// Mistake at a key of `concurrency`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::spec) struct Wrong {
    pub key: &'static str,
    pub message: &'static str,
    pub help: &'static str,
}

/// Fails unless something holds.
pub(super) fn ensure(
    holds: bool,
    key: &'static str,
    message: &'static str,
    help: &'static str,
) -> Result<(), Wrong> {
    if holds { Ok(()) } else { Err(Wrong { key, message, help }) }
}
