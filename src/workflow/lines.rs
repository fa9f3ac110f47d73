//! Incremental line splitter, whatever the boundaries of the chunks.

use crate::measure::{Failure, FailureKind};

/// Maximum length of a line; beyond it the server is broken or hostile.
const LONGEST_LINE: usize = 8 << 20;

/// Splits a stream of bytes into lines, without `\n` or `\r\n`.
#[derive(Debug, Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// Splits the next chunk and passes every line it completes to `each`.
    pub fn feed(
        &mut self,
        mut chunk: &[u8],
        mut each: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        while let Some(end) = memchr::memchr(b'\n', chunk) {
            let (line, rest) = chunk.split_at(end);
            chunk = rest.strip_prefix(b"\n").unwrap_or(rest);
            if self.partial.is_empty() {
                each(trim(line))?;
            } else {
                self.keep(line)?;
                let whole = std::mem::take(&mut self.partial);
                each(trim(&whole))?;
            }
        }
        self.keep(chunk)
    }

    /// Emits the last line, which may lack its end.
    pub fn finish(
        &mut self,
        each: impl FnOnce(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let last = std::mem::take(&mut self.partial);
        if last.is_empty() { Ok(()) } else { each(trim(&last)) }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.partial.len() + bytes.len() > LONGEST_LINE {
            let message = format!("a line of the answer is longer than {} MiB", LONGEST_LINE >> 20);
            return Err(Failure::new(FailureKind::TooLarge, message));
        }
        self.partial.extend_from_slice(bytes);
        Ok(())
    }
}

fn trim(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(chunks: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        let mut keep = |line: &[u8]| {
            found.push(String::from_utf8_lossy(line).into_owned());
            Ok(())
        };
        for chunk in chunks {
            lines.feed(chunk, &mut keep).unwrap();
        }
        lines.finish(&mut keep).unwrap();
        found
    }

    #[test]
    fn chunks_may_be_cut_anywhere() {
        let text = b"one\r\ntwo\n\nthree";
        let expected = ["one", "two", "", "three"];
        assert_eq!(split(&[text]), expected);
        for cut in 0..text.len() {
            let (head, tail) = text.split_at(cut);
            assert_eq!(split(&[head, tail]), expected, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(split(&bytes), expected);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut lines = Lines::default();
        let chunk = vec![b'x'; 1 << 20];
        let fed = (0..9).try_for_each(|_| lines.feed(&chunk, |_| Ok(())));
        assert_eq!(fed.unwrap_err().kind, FailureKind::TooLarge);
    }
}
