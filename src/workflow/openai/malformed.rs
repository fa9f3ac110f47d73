//! Answers that violate the protocol.

use crate::measure::{Failure, FailureKind};

/// Builds a failure that quotes the answer.
pub(super) fn malformed(what: &str, text: &[u8]) -> Failure {
    // More than is shown, since secrets are removed before it is cut.
    const QUOTED: usize = 4 << 10;
    let text = String::from_utf8_lossy(text.get(..QUOTED).unwrap_or(text));
    Failure::new(FailureKind::Malformed, format!("{what}: {text}"))
}
