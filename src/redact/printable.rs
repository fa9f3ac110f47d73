//! Escaping of control characters in text from outside.

use std::borrow::Cow;
use std::fmt::Write;

/// Shows control characters as escapes: they would move the cursor, colour the terminal, or reverse
/// the reading order. Line ends and tabs stay. The escapes are those of JSON, so a document stays
/// valid.
pub fn printable(text: &str) -> Cow<'_, str> {
    let mut characters = text.char_indices().peekable();
    let mut shown = String::new();
    let mut from = 0;
    while let Some((at, c)) = characters.next() {
        let ends_a_line = c == '\r' && characters.peek().is_some_and(|(_, next)| *next == '\n');
        if !paints(c) || ends_a_line {
            continue;
        }
        shown.extend(text.get(from..at));
        // Writing to a string cannot fail.
        let _ = write!(shown, "\\u{:04x}", u32::from(c));
        from = at + c.len_utf8();
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    shown.extend(text.get(from..));
    Cow::Owned(shown)
}

/// Returns true if a character affects the display instead of being read.
fn paints(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}'
                | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_paints_is_shown_as_an_escape() {
        for (text, expected) in [
            ("plain\ttext, é\r\n", "plain\ttext, é\r\n"),
            ("\u{1b}[2J\u{7}", "\\u001b[2J\\u0007"),
            ("over\rwritten", "over\\u000dwritten"),
            ("\u{9b}31m\u{7f}", "\\u009b31m\\u007f"),
            ("abc\u{202e}fed", "abc\\u202efed"),
        ] {
            assert_eq!(printable(text), expected);
        }
        let json = serde_json::json!({ "a": "\u{9b}\u{7f}\u{1b}" });
        let shown = json.to_string();
        let read: serde_json::Value = serde_json::from_str(&printable(&shown)).unwrap();
        assert_eq!(read, json);
    }
}
