//! Answers that the protocol does not know.

use crate::measure::{Failure, FailureKind};

/// A failure that quotes what was said.
pub(super) fn malformed(what: &str, text: &[u8]) -> Failure {
    // More than is shown: it is yet to be cleared of secrets.
    const QUOTED: usize = 4 << 10;
    let text = String::from_utf8_lossy(text.get(..QUOTED).unwrap_or(text));
    Failure::new(FailureKind::Malformed, format!("{what}: {text}"))
}
