//! Error detection in event streams of unknown protocols.

use super::events::{Event, Events};
use super::loose::{LooseValue, is_something};
use super::openai::answer::is_of_an_error;
use crate::measure::{Failure, FailureKind};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Detector that looks for errors in the events of a stream, whatever else they say.
#[derive(Default)]
pub(super) struct ErrorDetector {
    events: Events,
}

#[derive(Deserialize)]
struct EventBody<'a> {
    #[serde(default, borrow)]
    error: Option<&'a RawValue>,
}

impl ErrorDetector {
    /// Checks a piece of the body.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        self.events.feed(chunk, look)
    }

    /// Checks the end of the body.
    pub fn finish(&mut self) -> Result<(), Failure> {
        self.events.finish(look)
    }
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
    if memchr::memmem::find(data, b"\"error\"").is_none() {
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
            let mut reported = ErrorDetector::default();
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
}
