//! Repair of JSON as other tools write it, keeping what was meant.

use crate::bounded::length_of_string;
use std::borrow::Cow;

/// JSON text that any parser reads without loss: `NaN` and `Infinity`, which Python and pandas
/// write for missing values, become `null`; integers beyond 64 bits, which would lose digits,
/// become strings.
pub(super) struct LosslessJson<'a> {
    pub text: Cow<'a, str>,
    original: &'a str,
    /// Where each replaced piece ended in the original, and the bytes by which it grew.
    moved: Vec<(usize, isize)>,
}

impl LosslessJson<'_> {
    /// Converts a column to that of the original text. Both are one-based.
    pub fn column(&self, line: usize, column: usize) -> usize {
        let bytes = self.original.as_bytes();
        let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', bytes).map(|at| at + 1));
        let start = starts.take(line).last();
        let Some((start, rest)) = start.and_then(|at| Some((at, self.original.get(at..)?))) else {
            return column;
        };
        let length = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        let (mut at, mut before, mut grown) = (start, 0, 0);
        for (end, more) in
            self.moved.iter().filter(|(end, _)| (start..=start + length).contains(end))
        {
            let Some(since) = self.original.get(at..*end) else { break };
            (at, before) = (*end, before + since.chars().count());
            if (before + 1).saturating_add_signed(grown + more) > column {
                break;
            }
            grown += more;
        }
        column.saturating_add_signed(-grown).max(1)
    }
}

/// Replaces everything that JSON cannot express.
pub(super) fn tidied(text: &str) -> LosslessJson<'_> {
    let mut out = String::new();
    let mut copied = 0;
    let mut moved = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let length = piece(rest);
        let piece = rest.get(..length).unwrap_or(rest);
        at += piece.len().max(1);
        if let Some(instead) = replaced(piece) {
            out.extend(text.get(copied..at - piece.len()));
            out.push_str(&instead);
            copied = at;
            moved.push((at, instead.len().cast_signed() - piece.len().cast_signed()));
        }
    }
    if moved.is_empty() {
        return LosslessJson { text: Cow::Borrowed(text), original: text, moved };
    }
    out.extend(text.get(copied..));
    LosslessJson { text: Cow::Owned(out), original: text, moved }
}

/// Returns the length in bytes of the token at the beginning of a text: a string, a comment, a word
/// or number, or a stretch of anything else.
fn piece(text: &str) -> usize {
    let bytes = text.as_bytes();
    let end = |found: Option<usize>| found.unwrap_or(text.len());
    match bytes {
        [b'"' | b'\'', ..] => end(length_of_string(bytes)),
        [b'/', b'/', ..] => end(memchr::memchr(b'\n', bytes)),
        [b'/', b'*', ..] => end(text.find("*/").map(|at| at + 2)),
        [first, ..] if is_word(*first) => end(bytes.iter().position(|byte| !is_word(*byte))),
        _ => end(bytes.iter().position(|byte| is_word(*byte) || b"\"'/".contains(byte))).max(1),
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+-._$".contains(&byte) || byte >= 0x80
}

fn replaced(word: &str) -> Option<Cow<'static, str>> {
    let digits = word.strip_prefix('-').unwrap_or(word);
    match digits {
        "NaN" | "Infinity" => Some(Cow::Borrowed("null")),
        _ if digits.len() > 18 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            let fits = word.parse::<i64>().is_ok() || word.parse::<u64>().is_ok();
            (!fits).then(|| Cow::Owned(format!("\"{word}\"")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_has_no_words_for_is_replaced() {
        for (text, expected) in [
            (r#"{"a": NaN, "b": -Infinity}"#, r#"{"a": null, "b": null}"#),
            (r#"["NaN", "a \" NaN", NaN]"#, r#"["NaN", "a \" NaN", null]"#),
            ("[12345678901234567890123]", "[\"12345678901234567890123\"]"),
            (
                "[18446744073709551615, -9223372036854775808]",
                "[18446744073709551615, -9223372036854775808]",
            ),
            ("[-9223372036854775809]", "[\"-9223372036854775809\"]"),
            ("[1.2345678901234567890123, 1e300]", "[1.2345678901234567890123, 1e300]"),
            ("// NaN \"\n[/* ' */ NaN]", "// NaN \"\n[/* ' */ null]"),
            ("[xNaN, NaNs]", "[xNaN, NaNs]"),
            ("\"open NaN", "\"open NaN"),
            ("/", "/"),
        ] {
            assert_eq!(tidied(text).text, expected, "{text}");
        }
    }

    #[test]
    fn a_place_behind_many_replaced_words_is_found() {
        let text = "NaN, ".repeat(200_000) + "?";
        let tidied = tidied(&text);
        assert_eq!(tidied.column(1, tidied.text.len()), text.len());
    }

    #[test]
    fn places_are_those_of_the_text_as_it_was() {
        let text = "[NaN,\n \"ö\", NaN, ?, Infinity, ?]";
        let tidied = tidied(text);
        let place = |nth: usize| {
            let line = tidied.text.lines().nth(1).unwrap();
            line.char_indices()
                .filter(|it| it.1 == '?')
                .nth(nth)
                .map(|it| line[..it.0].chars().count() + 1)
        };
        let was = |nth: usize| {
            let line = text.lines().nth(1).unwrap();
            line.char_indices()
                .filter(|it| it.1 == '?')
                .nth(nth)
                .map(|it| line[..it.0].chars().count() + 1)
        };
        for nth in 0..2 {
            assert_eq!(tidied.column(2, place(nth).unwrap()), was(nth).unwrap());
        }
    }
}
