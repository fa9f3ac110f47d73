//! Fast path for chunks that differ from the one before only in their text.

/// Last chunk that carried one token and nothing else, without its text. Most chunks of an answer differ from
/// the one before only in the text, and then need no parsing.
#[derive(Debug, Default)]
pub(super) struct TokenLine {
    before: Vec<u8>,
    after: Vec<u8>,
}

impl TokenLine {
    /// Returns the text of a chunk that otherwise equals the last one. The same bytes around a string without
    /// escapes are the same JSON.
    pub fn words<'a>(&self, data: &'a [u8]) -> Option<&'a str> {
        if self.before.is_empty() {
            return None;
        }
        let words = data.strip_prefix(self.before.as_slice())?;
        let words = words.strip_suffix(self.after.as_slice())?;
        let plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
        let alone = !words.is_empty() && words.iter().all(plain);
        std::str::from_utf8(words).ok().filter(|_| alone)
    }

    /// Remembers a chunk. `words` must be a slice of `data`, as it is if nothing is escaped.
    pub fn learn(&mut self, data: &[u8], words: &str) {
        let start = words.as_ptr().addr().wrapping_sub(data.as_ptr().addr());
        let (before, after) = (data.get(..start), data.get(start.saturating_add(words.len())..));
        if let (Some(before), Some(after)) = (before, after) {
            self.before.clear();
            self.before.extend_from_slice(before);
            self.after.clear();
            self.after.extend_from_slice(after);
        }
    }
}
