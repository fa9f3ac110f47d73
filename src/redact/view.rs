//! Unescaped text, with the position of every byte in the original.

use std::borrow::Cow;
use std::ops::Range;

/// Bytes with their origins in the original text.
pub(super) struct View<'a> {
    bytes: Cow<'a, [u8]>,
    /// For each byte the start of the original bytes it was made of, and finally the end of the
    /// text; `None` if the bytes are the original text.
    origins: Option<Vec<usize>>,
}

impl<'a> View<'a> {
    /// Wraps the original text.
    pub fn plain(bytes: &'a [u8]) -> Self {
        Self { bytes: Cow::Borrowed(bytes), origins: None }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Maps a range to the range of the original text that it came from.
    pub fn origin(&self, range: Range<usize>) -> Range<usize> {
        let Some(origins) = &self.origins else { return range };
        let at = |index: usize| origins.get(index).or(origins.last()).copied().unwrap_or_default();
        let (start, last) = (at(range.start), at(range.end.saturating_sub(1)));
        // Several bytes can come from one escape.
        let after = origins.get(range.end..).unwrap_or_default().iter().find(|it| **it > last);
        start..after.copied().unwrap_or_else(|| at(usize::MAX))
    }

    /// Undoes one layer of escapes: percent signs, backslashes, entities. `None` if there are none.
    pub fn unescaped(&self) -> Option<View<'static>> {
        let bytes = self.bytes();
        memchr::memchr3(b'%', b'\\', b'&', bytes)?;
        let mut unescaped = Vec::with_capacity(bytes.len());
        let mut origins = Vec::with_capacity(bytes.len() + 1);
        let (mut at, mut any) = (0, false);
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let mut buffer = [0; 4];
            let plain = rest.get(..1).unwrap_or_default();
            let (meant, length) = match escape(rest, &mut buffer) {
                Some((meant, length)) => {
                    any = true;
                    (meant, length)
                }
                None => (plain, 1),
            };
            let origin = self.origin(at..at + length).start;
            origins.extend(std::iter::repeat_n(origin, meant.len()));
            unescaped.extend_from_slice(meant);
            at += length;
        }
        origins.push(self.origin(bytes.len()..bytes.len()).start.max(self.end()));
        any.then_some(View { bytes: Cow::Owned(unescaped), origins: Some(origins) })
    }

    fn end(&self) -> usize {
        self.origins.as_ref().and_then(|it| it.last().copied()).unwrap_or(self.bytes.len())
    }
}

/// Returns the meaning of the escape at the start of a text, and its length in bytes.
fn escape<'b>(text: &[u8], buffer: &'b mut [u8; 4]) -> Option<(&'b [u8], usize)> {
    match *text.first()? {
        b'%' => {
            *buffer = [hex(text.get(1..3)?).and_then(|it| u8::try_from(it).ok())?, 0, 0, 0];
            Some((&buffer[..1], 3))
        }
        b'\\' => backslash(text, buffer),
        b'&' => entity(text, buffer),
        _ => None,
    }
}

fn backslash<'b>(text: &[u8], buffer: &'b mut [u8; 4]) -> Option<(&'b [u8], usize)> {
    let byte = match *text.get(1)? {
        quoted @ (b'"' | b'\\' | b'/' | b'\'') => quoted,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        b'x' => {
            *buffer = [hex(text.get(2..4)?).and_then(|it| u8::try_from(it).ok())?, 0, 0, 0];
            return Some((&buffer[..1], 4));
        }
        b'u' => {
            let first = hex(text.get(2..6)?)?;
            let second = text.get(6..12).filter(|next| next.starts_with(b"\\u"));
            let second = second.and_then(|next| hex(next.get(2..)?));
            if let (0xd800..0xdc00, Some(low @ 0xdc00..0xe000)) = (first, second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00);
                let c = char::from_u32(code)?;
                return Some((c.encode_utf8(buffer).as_bytes(), 12));
            }
            return Some((char::from_u32(first)?.encode_utf8(buffer).as_bytes(), 6));
        }
        _ => return None,
    };
    *buffer = [byte, 0, 0, 0];
    Some((&buffer[..1], 2))
}

fn entity<'b>(text: &[u8], buffer: &'b mut [u8; 4]) -> Option<(&'b [u8], usize)> {
    const LONGEST: usize = 10;
    let end = text.iter().take(LONGEST).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(text.get(1..end)?).ok()?;
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((c.encode_utf8(buffer).as_bytes(), end + 1))
}

fn hex(digits: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok()?;
    // `from_str_radix` takes a sign.
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(())?;
    u32::from_str_radix(digits, 16).ok()
}
