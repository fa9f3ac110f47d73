//! A text without what can stand between the parts of a secret that somebody has broken up.

use std::ops::Range;

/// A condensed secret that is shorter is looked for as a whole alone: its letters stand in any text.
pub(super) const SHORTEST: usize = 8;
/// A sequence that colours a terminal, and a sign that breaks a line in HTML, are no longer.
const LONGEST_SIGN: usize = 16;

/// The letters and digits of a text, each with its place.
pub(super) struct Condensed {
    pub bytes: Vec<u8>,
    /// For each byte where it stands in the text.
    places: Vec<usize>,
}

impl Condensed {
    /// Leaves out whatever is neither a letter nor a digit: spaces, ends of lines, hyphens, separators,
    /// quotes; and colours and signs of HTML as a whole.
    pub fn of(text: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(text.len());
        let mut places = Vec::with_capacity(text.len());
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let length = passed_over(rest);
            if length == 0 {
                bytes.extend(rest.first());
                places.push(at);
            }
            at += length.max(1);
        }
        Self { bytes, places }
    }

    /// Where a range of it stands in the text, with all that was left out between.
    pub fn place(&self, range: Range<usize>) -> Option<Range<usize>> {
        let last = self.places.get(range.end.checked_sub(1)?)?;
        Some(*self.places.get(range.start)?..last + 1)
    }
}

/// How much of the beginning of a text says nothing.
fn passed_over(text: &[u8]) -> usize {
    match text {
        [b'\x1b', b'[', inside @ ..] => {
            let end = inside.iter().take(LONGEST_SIGN).position(u8::is_ascii_alphabetic);
            end.map_or(1, |end| end + 3)
        }
        [b'<', inside @ ..] => {
            let end = inside.iter().take(LONGEST_SIGN).position(|byte| *byte == b'>');
            let is_sign = |sign: &[u8]| {
                sign.iter().all(|byte| byte.is_ascii_alphabetic() || b"/ ".contains(byte))
            };
            let end = end.filter(|end| inside.get(..*end).is_some_and(is_sign));
            end.map_or(1, |end| end + 2)
        }
        // Signs beyond ASCII: spaces that do not break or have no width, hyphens, dots.
        [0xe2, 0x80, _, ..] | [0xef, 0xbb, 0xbf, ..] | [0xe3, 0x80, 0x80, ..] => 3,
        [0xc2, 0xa0 | 0xad, ..] => 2,
        [byte, ..] => usize::from(byte.is_ascii() && !byte.is_ascii_alphanumeric()),
        [] => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_digits_know_their_place() {
        for (text, expected) in [
            ("sk-ab_12", "skab12"),
            ("a b\r\n\tc", "abc"),
            ("a<br/>b<x1>c", "abx1c"),
            ("a\u{1b}[31;1mb", "ab"),
            ("a\u{200b}b\u{ad}c\u{2011}d\u{a0}e\u{feff}f", "abcdef"),
            ("ü·", "ü·"),
            ("<", ""),
            ("\u{1b}[", ""),
        ] {
            let condensed = Condensed::of(text.as_bytes());
            assert_eq!(String::from_utf8_lossy(&condensed.bytes), expected, "{text:?}");
        }
        let condensed = Condensed::of(b"x a-\nb y");
        assert_eq!(condensed.place(1..3), Some(2..6));
        assert_eq!((condensed.place(0..0), condensed.place(3..9)), (None, None));
    }
}
