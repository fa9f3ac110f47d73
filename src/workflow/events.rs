//! Incremental parser of event streams: the complete grammar of `text/event-stream` in the HTML standard,
//! whatever the boundaries of the chunks.

use crate::measure::{Failure, FailureKind};

/// Maximum size of an event; beyond it the server is broken or hostile.
const LONGEST: usize = 8 << 20;
const BOM: &[u8] = b"\xef\xbb\xbf";
/// Number of bytes quoted of a line that belongs to no event, and number of bytes kept of it.
const QUOTED: usize = 120;
const KEPT: usize = 4 << 10;
/// Maximum number of bytes outside of events.
const MOST_STRANGE: usize = 1 << 20;

/// Event: its data lines joined, and its name, which may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event<'a> {
    pub name: &'a [u8],
    pub data: &'a [u8],
}

/// Parser that splits a stream of bytes into events.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// Start of a line whose end has not arrived yet.
    partial: Vec<u8>,
    /// True if the last chunk ended with a carriage return, so that a leading line feed belongs to it.
    after_cr: bool,
    begun: bool,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    strange: Vec<u8>,
    strange_bytes: usize,
}

impl Events {
    /// Parses the next chunk and passes every event it completes to `each`.
    pub fn feed(
        &mut self,
        mut chunk: &[u8],
        mut each: impl FnMut(Event<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if !chunk.is_empty() && std::mem::take(&mut self.after_cr) {
            chunk = chunk.strip_prefix(b"\n").unwrap_or(chunk);
        }
        while let Some((line, rest)) = split_line(chunk) {
            self.after_cr = rest.is_empty() && chunk.ends_with(b"\r");
            chunk = rest;
            if !self.partial.is_empty() {
                self.keep(line)?;
                let whole = std::mem::take(&mut self.partial);
                self.line(&whole, &mut each)?;
            } else if let Some(data) = self.lone_data(line)
                && let Some((b"", rest)) = split_line(chunk)
            {
                // Fast path: most events are one line of data and a blank line, and are passed on without
                // copying.
                self.after_cr = rest.is_empty() && chunk.ends_with(b"\r");
                chunk = rest;
                let event = Event { name: &self.name, data };
                each(event)?;
                self.name.clear();
            } else {
                self.line(line, &mut each)?;
            }
        }
        self.keep(chunk)
    }

    /// Emits the event that the end of the body cuts off. The standard drops it, but a server that merely
    /// forgot the last line end has said everything.
    pub fn finish(
        &mut self,
        mut each: impl FnMut(Event<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let last = std::mem::take(&mut self.partial);
        if !last.is_empty() {
            self.line(&last, &mut each)?;
        }
        self.dispatch(&mut each)
    }

    /// Data of an event whose blank line has not arrived yet.
    pub fn pending(&self) -> &[u8] {
        &self.data
    }

    /// Start of the first line that belongs to no event.
    pub fn strange(&self) -> Option<&[u8]> {
        (!self.strange.is_empty()).then_some(self.strange.as_slice())
    }

    /// Returns the data of a line that may be the whole of its event.
    fn lone_data<'a>(&self, line: &'a [u8]) -> Option<&'a [u8]> {
        let data = line.strip_prefix(b"data:").filter(|_| self.begun && !self.has_data)?;
        Some(data.strip_prefix(b" ").unwrap_or(data))
    }

    fn line(
        &mut self,
        mut line: &[u8],
        each: &mut impl FnMut(Event<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix(BOM).unwrap_or(line);
        }
        if line.is_empty() {
            return self.dispatch(each);
        }
        let colon = memchr::memchr(b':', line);
        let (field, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if self.data.len() + value.len() >= LONGEST {
                    return Err(too_large());
                }
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
            }
            b"event" => value.clone_into(&mut self.name),
            // Comments, and fields that only matter for reconnecting.
            b"" | b"id" | b"retry" => {}
            _ => {
                // The standard ignores it. It is kept as evidence in case nothing else arrives.
                self.strange_bytes += line.len();
                if self.strange_bytes > MOST_STRANGE {
                    return Err(not_events(line));
                }
                if self.strange.is_empty() {
                    self.strange.extend_from_slice(line.get(..KEPT).unwrap_or(line));
                }
            }
        }
        Ok(())
    }

    fn dispatch(
        &mut self,
        each: &mut impl FnMut(Event<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let result = if std::mem::take(&mut self.has_data) {
            each(Event { name: &self.name, data: &self.data })
        } else {
            Ok(())
        };
        self.name.clear();
        self.data.clear();
        result
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.partial.len() + bytes.len() > LONGEST {
            return Err(too_large());
        }
        self.partial.extend_from_slice(bytes);
        Ok(())
    }
}

/// Splits off the first line without its end; `None` if the end has not arrived yet.
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr2(b'\n', b'\r', bytes)?;
    let (line, rest) = bytes.split_at(end);
    let rest = rest.strip_prefix(b"\r\n").or_else(|| rest.get(1..));
    Some((line, rest.unwrap_or_default()))
}

fn too_large() -> Failure {
    let message = format!("an event of the answer is longer than {} MiB", LONGEST >> 20);
    Failure::new(FailureKind::TooLarge, message)
}

/// Builds the failure for a body that is not an event stream.
pub(super) fn not_events(line: &[u8]) -> Failure {
    // Blanks before it may have come in a chunk of their own.
    let line = line.trim_ascii_start();
    let text = String::from_utf8_lossy(line.get(..QUOTED).unwrap_or(line));
    Failure::new(FailureKind::Malformed, format!("not a line of an event stream: {text}"))
}

/// Collects all events of a body.
#[cfg(any(test, fuzzing))]
pub(super) fn events_of(chunks: &[&[u8]]) -> Vec<(String, String)> {
    let (mut events, mut found) = (Events::default(), Vec::new());
    let mut keep = |event: Event<'_>| {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        found.push((text(event.name), text(event.data)));
        Ok(())
    };
    let fed = chunks.iter().try_for_each(|chunk| events.feed(chunk, &mut keep));
    let _ = fed.and_then(|()| events.finish(&mut keep));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> =
            expected.iter().map(|(name, data)| ((*name).to_owned(), (*data).to_owned())).collect();
        for text in [text.to_owned(), text.replace('\n', "\r\n"), text.replace('\n', "\r")] {
            let bytes = text.as_bytes();
            assert_eq!(events_of(&[bytes]), expected, "{text:?}");
            for cut in 0..bytes.len() {
                let (head, tail) = bytes.split_at(cut);
                assert_eq!(events_of(&[head, b"", tail]), expected, "{text:?} cut at {cut}");
            }
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(events_of(&single), expected, "{text:?} byte by byte");
        }
    }

    #[test]
    fn the_grammar_of_the_standard() {
        check("data: a\n\ndata:b\n\ndata:  c\n\n", &[("", "a"), ("", "b"), ("", " c")]);
        check("data: {\ndata: \"a\": 1\ndata: }\n\n", &[("", "{\n\"a\": 1\n}")]);
        check("\u{feff}data: a\n\n\u{feff}data: b\n\n", &[("", "a")]);
        check(": ping\n\nid: 1\nretry: 5\nevent: error\ndata: x\n\n", &[("error", "x")]);
        check("event\ndata: a\n\ndata\n\ndata: \ndata\n\n", &[("", "a"), ("", ""), ("", "\n")]);
        check("event: a\n\ndata: b\n\n", &[("", "b")]);
        check("event: a\ndata: b\n\ndata: c\n\n", &[("a", "b"), ("", "c")]);
        check("data: a\nevent: late\n\nunknown: x\nfoo\n\n", &[("late", "a")]);
        check("data: no end", &[("", "no end")]);
        check("\n\n\n", &[]);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut events = Events::default();
        let chunk = vec![b'x'; 1 << 20];
        let fed = (0..9).try_for_each(|_| events.feed(&chunk, |_| Ok(())));
        assert_eq!(fed.unwrap_err().kind, FailureKind::TooLarge);
        let mut events = Events::default();
        let line = [b"data: ", chunk.as_slice(), b"\n"].concat();
        let fed = (0..9).try_for_each(|_| events.feed(&line, |_| Ok(())));
        assert_eq!(fed.unwrap_err().kind, FailureKind::TooLarge);
    }

    /// Random streams made of the fragments of the grammar.
    #[test]
    fn another_implementation_reads_the_same() {
        use eventsource_stream::EventStream;
        use futures_util::{FutureExt, StreamExt};
        use rand::{RngExt, SeedableRng};
        const PIECES: [&str; 20] = [
            "data",
            "data:",
            "data: ",
            "event",
            "event:",
            "event: ",
            "id: 7",
            "retry: 9",
            ":",
            ": ping",
            "\n",
            "\n",
            "\r\n",
            "\r",
            "\n\n",
            " ",
            "x",
            "{\"a\":1}",
            "\u{feff}",
            "foo:bar",
        ];
        let mut dice = rand::rngs::Xoshiro256PlusPlus::seed_from_u64(14);
        for _ in 0..20_000 {
            let count = dice.random_range(1..16);
            let text: String =
                (0..count).map(|_| PIECES[dice.random_range(0..PIECES.len())]).collect();
            // The other implementation fails on a byte order mark at the start.
            let text = text.trim_start_matches('\u{feff}');
            // The other implementation drops an event that the end of the body cuts off.
            let text = format!("{text}\n\n");
            let chunks: Vec<&[u8]> = text.as_bytes().chunks(dice.random_range(1..9)).collect();
            let pieces = chunks.iter().map(|it| Ok::<_, std::convert::Infallible>(it.to_vec()));
            let stream = EventStream::new(futures_util::stream::iter(pieces));
            let others: Vec<_> = stream.collect::<Vec<_>>().now_or_never().unwrap();
            let others: Vec<(String, String)> = others
                .into_iter()
                .map(|event| event.unwrap())
                .map(|it| (it.event, it.data))
                .collect();
            let named = |(name, data): (String, String)| {
                (if name.is_empty() { "message".to_owned() } else { name }, data)
            };
            let ours: Vec<_> = events_of(&chunks).into_iter().map(named).collect();
            assert_eq!(ours, others, "{text:?}");
        }
    }
}
