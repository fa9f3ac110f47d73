//! Check of bracket nesting before a text is parsed: YAML readers need time quadratic in it.

use super::error::{Place, Source, SpecError};
use std::sync::Arc;

/// Most brackets that are open at a time. The YAML reader's own limit is lower, but applies late;
/// this one leaves room for brackets inside texts, which cannot be told apart here.
const MOST_OPEN: usize = 512;

/// Fails if brackets are nested deeper than in any real spec.
pub(super) fn check(source: &Arc<Source>) -> Result<(), SpecError> {
    let (mut open, mut line, mut start) = (0_usize, 1, 0);
    for (at, byte) in source.text.bytes().enumerate() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            b'\n' => (line, start) = (line + 1, at + 1),
            _ => {}
        }
        if open > MOST_OPEN {
            let before = source.text.get(start..at).unwrap_or_default();
            let column = before.chars().count() as u64 + 1;
            let place = Place { source: Arc::clone(source), line, column };
            let message = format!("this is not valid YAML: more than {MOST_OPEN} nested brackets");
            return Err(SpecError::at(&place, message));
        }
    }
    Ok(())
}
