//! Count of the values in a JSON text before it is parsed: as a value, each `0,` takes forty times
//! its two bytes.

/// Most values that are parsed at a time: more than the lists of numbers for every token of a long
/// conversation.
pub(crate) const MOST_VALUES: usize = 1_000_000;

/// Returns true if a JSON text holds more than [`MOST_VALUES`] values.
pub(crate) fn has_too_many_values(bytes: &[u8]) -> bool {
    // Each takes a byte at least.
    if bytes.len() <= MOST_VALUES {
        return false;
    }
    let (mut at, mut values) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            // A value follows each of these, or none does.
            b',' | b'[' | b'{' | b':' => values += 1,
            b'"' => {
                let (_, rest) = bytes.split_at(at);
                at += length_of_string(rest).unwrap_or(rest.len()) - 1;
            }
            _ => {}
        }
        at += 1;
    }
    values > MOST_VALUES
}

/// Returns the length in bytes of the string at the beginning of a text, both quotes included, whichever they are.
pub(crate) fn length_of_string(bytes: &[u8]) -> Option<usize> {
    let quote = *bytes.first()?;
    let mut at = 1;
    loop {
        at += memchr::memchr2(quote, b'\\', bytes.get(at..)?)?;
        if bytes.get(at) == Some(&quote) {
            return Some(at + 1);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_outside_of_strings() {
        let too_many = |text: String| has_too_many_values(text.as_bytes());
        assert!(too_many("0,".repeat(MOST_VALUES + 1)));
        assert!(too_many("[],".repeat(MOST_VALUES / 2 + 1)));
        assert!(!too_many("0, ".repeat(MOST_VALUES - 1)));
        assert!(!too_many(format!("[\"{}\"]", ",\\\"[".repeat(MOST_VALUES))));
        assert!(!too_many(format!("\"{}", ",".repeat(2 * MOST_VALUES))));
    }
}
