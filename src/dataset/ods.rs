//! Check that the XML of an .ods sheet is well nested: its reader loops forever on a table that is
//! never closed.

use std::io::{BufRead, ErrorKind, Result};

/// Name of the part that holds the sheets.
pub(super) const CONTENT: &str = "content.xml";
/// Deepest nesting of elements; no real sheet reaches it.
const DEEPEST: usize = 1_000;
/// Longest name of an element, in bytes.
const LONGEST_NAME: usize = 256;

/// Returns true if every element is closed, and before its parent.
pub(super) fn is_whole(text: impl BufRead) -> bool {
    let mut tags = Tags { text };
    let mut open: Vec<Vec<u8>> = Vec::new();
    loop {
        match tags.next() {
            Ok(Some(Tag::Start(name))) if open.len() < DEEPEST => open.push(name),
            Ok(Some(Tag::End(name))) if open.last() == Some(&name) => drop(open.pop()),
            Ok(Some(Tag::Other)) => {}
            Ok(None) => return open.is_empty(),
            Ok(Some(Tag::Start(_) | Tag::End(_))) | Err(_) => return false,
        }
    }
}

enum Tag {
    Start(Vec<u8>),
    End(Vec<u8>),
    /// An empty element, a comment, a CDATA section or an instruction.
    Other,
}

struct Tags<R> {
    text: R,
}

impl<R: BufRead> Tags<R> {
    fn next(&mut self) -> Result<Option<Tag>> {
        self.text.skip_until(b'<')?;
        let Some(first) = self.byte()? else { return Ok(None) };
        match first {
            b'?' => self.to(b"?>")?,
            b'!' => match self.needed()? {
                b'-' => self.to(b"-->")?,
                b'[' => self.to(b"]]>")?,
                _ => self.declaration()?,
            },
            b'/' => return self.name(None).map(|(name, _)| Some(Tag::End(name))),
            first => {
                let (name, is_empty) = self.name(Some(first))?;
                return Ok(Some(if is_empty { Tag::Other } else { Tag::Start(name) }));
            }
        }
        Ok(Some(Tag::Other))
    }

    /// Reads to the end of a tag; returns the name of the element, and true if it is empty.
    fn name(&mut self, first: Option<u8>) -> Result<(Vec<u8>, bool)> {
        let mut name: Vec<u8> = first.into_iter().collect();
        let (mut named, mut quote, mut before) = (false, None, first.unwrap_or_default());
        loop {
            let byte = self.needed()?;
            match (quote, byte) {
                (None, b'>') => {
                    if before == b'/' && !named {
                        name.pop();
                    }
                    return Ok((name, before == b'/'));
                }
                (None, b'"' | b'\'') if named => quote = Some(byte),
                (Some(open), _) if byte == open => quote = None,
                (None, _) if byte.is_ascii_whitespace() => named = true,
                (None, _) if !named && name.len() <= LONGEST_NAME => name.push(byte),
                _ => {}
            }
            before = byte;
        }
    }

    /// Reads a declaration to its end, nested ones included.
    fn declaration(&mut self) -> Result<()> {
        let mut open = 1;
        while open > 0 {
            match self.needed()? {
                b'<' => open += 1,
                b'>' => open -= 1,
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads up to and including an end mark.
    fn to(&mut self, end: &[u8]) -> Result<()> {
        let mut last = [0; 3];
        while !last.ends_with(end) {
            last.rotate_left(1);
            last[2] = self.needed()?;
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<Option<u8>> {
        let byte = self.text.fill_buf()?.first().copied();
        self.text.consume(usize::from(byte.is_some()));
        Ok(byte)
    }

    fn needed(&mut self) -> Result<u8> {
        self.byte()?.ok_or_else(|| ErrorKind::UnexpectedEof.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_whole_where_all_that_begins_ends() {
        for whole in [
            "",
            "<a/>",
            "<a b='>' c=\"/\"><b/><c d=\"'\"></c ></a>\n",
            "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"c\">]><a><!-- <b> --><![CDATA[<c>]]></a>",
            "<a>it's 1 > 0</a>",
        ] {
            assert!(is_whole(whole.as_bytes()), "{whole}");
        }
        for cut in [
            "<a>",
            "<a><b></a>",
            "</a>",
            "<a><b></a></b>",
            "<a",
            "<a></a",
            "<!-- <a/>",
            "<a b='></a>",
        ] {
            assert!(!is_whole(cut.as_bytes()), "{cut}");
        }
        assert!(!is_whole("<a>".repeat(2_000).as_bytes()));
    }
}
