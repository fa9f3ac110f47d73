//! Error detection in answers of unknown protocols.

use super::events::{Event, Events};
use super::loose::{LooseValue, is_something};
use super::openai::answer::is_of_an_error;
use crate::measure::{Failure, FailureKind};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Number of bytes of a document or of a line that are looked at; a longer one is data.
const LONGEST: usize = 64 << 10;

/// Detector that looks for errors in the events of a stream, or in a document and its lines, whatever else
/// they say.
pub(super) enum ErrorDetector {
    Events(Events),
    Document(Document),
}

/// JSON document, or JSON lines.
#[derive(Default)]
pub(super) struct Document {
    /// Beginning of the body.
    start: Vec<u8>,
    /// Beginning of the line that has not ended yet.
    line: Vec<u8>,
}

#[derive(Deserialize)]
struct EventBody<'a> {
    #[serde(default, borrow)]
    error: Option<&'a RawValue>,
}

impl ErrorDetector {
    /// Builds the detector for an event stream, or for any other body.
    pub fn new(is_event_stream: bool) -> Self {
        if is_event_stream {
            Self::Events(Events::default())
        } else {
            Self::Document(Document::default())
        }
    }

    /// Checks a piece of the body.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Events(events) => events.feed(chunk, look),
            Self::Document(document) => document.feed(chunk),
        }
    }

    /// Checks the end of the body.
    pub fn finish(&mut self) -> Result<(), Failure> {
        match self {
            Self::Events(events) => events.finish(look),
            Self::Document(document) => document.finish(),
        }
    }
}

impl Document {
    fn feed(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        keep(&mut self.start, chunk);
        let mut rest = chunk;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            if self.line.is_empty() {
                look(Event { name: b"", data: line })?;
            } else {
                keep(&mut self.line, line);
                look(Event { name: b"", data: &std::mem::take(&mut self.line) })?;
            }
            rest = after.get(1..).unwrap_or_default();
        }
        keep(&mut self.line, rest);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        let start = self.start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.start);
        look(Event { name: b"", data: start })?;
        look(Event { name: b"", data: &self.line })
    }
}

fn keep(kept: &mut Vec<u8>, bytes: &[u8]) {
    let room = LONGEST.saturating_sub(kept.len());
    kept.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
}

fn look(event: Event<'_>) -> Result<(), Failure> {
    let Event { name, data } = event;
    let named = !name.is_empty() && is_of_an_error(name);
    if named || says_error(data) {
        let message = format!("the server reported an error: {}", String::from_utf8_lossy(data));
        return Err(Failure::new(FailureKind::WorkflowError, message));
    }
    Ok(())
}

/// Returns true if the event has an `error` that is a text or a non-empty container. A number could mean
/// anything.
fn says_error(data: &[u8]) -> bool {
    // A list would be taken for the fields in their order.
    let is_object = data.trim_ascii_start().starts_with(b"{");
    if !is_object || memchr::memmem::find(data, b"\"error\"").is_none() {
        return false;
    }
    let said: Option<EventBody<'_>> = serde_json::from_slice(data).ok();
    said.and_then(|said| said.error).is_some_and(|error| {
        let plain = serde_json::from_str::<LooseValue<'_>>(error.get());
        is_something(error) && plain.is_ok_and(|it| it.number.is_none()) && error.get() != "true"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_from_what_is_none() {
        let read = |body: &str| {
            let mut reported = ErrorDetector::new(true);
            reported.feed(body.as_bytes()).and_then(|()| reported.finish())
        };
        for bad in [
            "data: {\"error\": \"busy\"}\n\n",
            "data: {\"a\": 1}\n\ndata: {\"error\": {\"code\": 5}}",
            "event: error\ndata: busy\n\n",
        ] {
            assert_eq!(read(bad).unwrap_err().kind, FailureKind::WorkflowError, "{bad}");
        }
        for good in [
            "data: {\"error\": null}\n\ndata: {\"error\": 0.01}\n\n",
            "data: {\"a\": {\"error\": \"x\"}}\n\n",
            "data: say \"error\"\n\nevent: done\ndata: 1\n\n",
            "{\"error\": \"x\"}",
        ] {
            assert!(read(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn documents_and_lines_that_say_an_error() {
        let read = |body: &str, size: usize| {
            let mut reported = ErrorDetector::new(false);
            let mut chunks = body.as_bytes().chunks(size);
            chunks.try_for_each(|chunk| reported.feed(chunk)).and_then(|()| reported.finish())
        };
        let long = format!("{{\"answer\": \"{}\", \"error\": \"x\"}}", "a".repeat(LONGEST));
        for size in [1, 7, 1 << 20] {
            for bad in [
                "{\"error\": \"busy\"}",
                "\u{feff}{\n  \"error\": {\n    \"code\": 5\n  }\n}\n",
                "{\"response\": \"a\"}\n{\"error\": \"busy\"}",
                "{\"error\": \"busy\"}\r\n{\"response\": \"a\"}\r\n",
            ] {
                assert_eq!(read(bad, size).unwrap_err().kind, FailureKind::WorkflowError, "{bad}");
            }
            for good in [
                "",
                "{\"error\": null}",
                "{\"error\": \"\"}\n{\"error\": {}}\n",
                "[{\"error\": \"x\"}]",
                "say \"error\": \"x\"",
                &long,
            ] {
                assert!(read(good, size).is_ok(), "{good}");
            }
        }
    }
}
