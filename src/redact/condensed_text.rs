//! Text stripped of everything that can separate the parts of a broken-up secret.

use std::ops::Range;

/// Shortest condensed secret, in bytes, that is searched for: the letters of a shorter one occur in
/// any text.
pub(super) const SHORTEST: usize = 8;
/// Longest terminal colour sequence or HTML line break, in bytes.
const LONGEST_SIGN: usize = 16;

/// The letters and digits of a text, each with its position.
pub(super) struct CondensedText {
    pub bytes: Vec<u8>,
    /// Position of each byte in the original text.
    places: Vec<usize>,
}

impl CondensedText {
    /// Drops everything that is neither a letter nor a digit (spaces, line ends, hyphens,
    /// separators, quotes), and colour sequences and HTML tags as a whole.
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

    /// Maps a range of it to the range of the original text, with everything that was dropped in
    /// between.
    pub fn place(&self, range: Range<usize>) -> Option<Range<usize>> {
        let last = self.places.get(range.end.checked_sub(1)?)?;
        Some(*self.places.get(range.start)?..last + 1)
    }
}

/// Returns the number of bytes to drop at the beginning of a text; 0 if the first byte is kept.
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
            let condensed = CondensedText::of(text.as_bytes());
            assert_eq!(String::from_utf8_lossy(&condensed.bytes), expected, "{text:?}");
        }
        let condensed = CondensedText::of(b"x a-\nb y");
        assert_eq!(condensed.place(1..3), Some(2..6));
        assert_eq!((condensed.place(0..0), condensed.place(3..9)), (None, None));
    }
}
