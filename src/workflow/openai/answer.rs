//! Answers of the chat completions protocol, streamed and whole.

use super::malformed;
use crate::measure::{Failure, FailureKind};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Token counts, where the server gives them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Usage {
    #[serde(default)]
    pub prompt_tokens: Option<u64>,
    #[serde(default)]
    pub completion_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(default, borrow)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default, borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default, borrow)]
    delta: Option<Delta<'a>>,
    #[serde(default)]
    message: Option<IgnoredAny>,
    /// What a completion of a plain prompt says, streamed or whole.
    #[serde(default, borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(default, borrow)]
    content: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    reasoning_content: Option<Cow<'a, str>>,
    #[serde(default)]
    tool_calls: Option<IgnoredAny>,
}

impl Delta<'_> {
    /// Whether the model said anything: the first delta often holds only the role.
    fn has_token(&self) -> bool {
        let said = |text: &Option<Cow<'_, str>>| text.as_ref().is_some_and(|text| !text.is_empty());
        said(&self.content) || said(&self.reasoning_content) || self.tool_calls.is_some()
    }
}

fn server_error(error: &RawValue) -> Failure {
    Failure::new(
        FailureKind::WorkflowError,
        format!("the server reported an error: {}", error.get()),
    )
}

/// What a complete answer tells besides its text.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Said {
    /// When tokens arrived, where the answer was streamed.
    pub arrivals: Vec<f64>,
    pub usage: Usage,
    pub finish_reason: Option<String>,
}

/// A streamed answer, line by line.
#[derive(Debug, Default)]
pub(super) struct Stream {
    said: Said,
    complete: bool,
    any: bool,
}

impl Stream {
    /// Takes one line of the body, which arrived at `now`.
    pub fn line(&mut self, line: &[u8], now: f64) -> Result<(), Failure> {
        let Some(data) = line.strip_prefix(b"data:") else {
            // Comments, event names, ids and blank lines carry nothing that is measured.
            let known: [&[u8]; 4] = [b":", b"event:", b"id:", b"retry:"];
            let harmless = line.is_empty() || known.iter().any(|field| line.starts_with(field));
            return if harmless {
                Ok(())
            } else {
                Err(malformed("not a line of an event stream", line))
            };
        };
        let data = data.trim_ascii();
        if data == b"[DONE]" {
            self.complete = true;
            return Ok(());
        }
        let chunk: Chunk<'_> = serde_json::from_slice(data)
            .map_err(|_| malformed("a chunk is not valid JSON", data))?;
        if let Some(error) = chunk.error {
            return Err(server_error(error));
        }
        self.any = true;
        self.said.usage = chunk.usage.unwrap_or(self.said.usage);
        for choice in chunk.choices.iter().flatten() {
            if let Some(reason) = &choice.finish_reason {
                self.complete = true;
                self.said.finish_reason = Some(short(reason));
            }
            let text = choice.text.as_ref().is_some_and(|text| !text.is_empty());
            if text || choice.delta.as_ref().is_some_and(Delta::has_token) {
                self.said.arrivals.push(now);
            }
        }
        Ok(())
    }

    /// What was said, once the body has ended.
    pub fn finish(self) -> Result<Said, Failure> {
        if self.complete {
            return Ok(self.said);
        }
        let message = if self.any {
            "the stream ended without a finish reason or [DONE]"
        } else {
            "the stream ended without an answer"
        };
        Err(Failure::new(FailureKind::Truncated, message))
    }
}

/// An answer in one piece.
pub(super) struct Whole;

impl Whole {
    /// What a complete answer says.
    pub fn parse(body: &[u8]) -> Result<Said, Failure> {
        let chunk: Chunk<'_> = serde_json::from_slice(body).map_err(|error| {
            if error.is_eof() {
                Failure::new(FailureKind::Truncated, "the body ended in the middle of the answer")
            } else {
                malformed("the answer is not valid JSON", body)
            }
        })?;
        if let Some(error) = chunk.error {
            return Err(server_error(error));
        }
        let answered = chunk
            .choices
            .iter()
            .flatten()
            .find(|choice| choice.message.is_some() || choice.text.is_some());
        let Some(choice) = answered else {
            return Err(malformed("the answer has no choice with a message", body));
        };
        Ok(Said {
            arrivals: Vec::new(),
            usage: chunk.usage.unwrap_or_default(),
            finish_reason: choice.finish_reason.as_deref().map(short),
        })
    }
}

/// A word of the server's, cut where it is no word any more.
fn short(text: &str) -> String {
    const LONGEST: usize = 40;
    text.get(..text.floor_char_boundary(LONGEST)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(lines: &[&str]) -> Result<Said, Failure> {
        let mut stream = Stream::default();
        for (index, line) in lines.iter().enumerate() {
            stream.line(line.as_bytes(), index as f64)?;
        }
        stream.finish()
    }

    #[test]
    fn the_first_token_is_the_first_that_says_something() {
        let said = stream(&[
            r#"data: {"choices":[{"delta":{"role":"assistant","content":null},"finish_reason":null}]}"#,
            r#"data: {"choices":[{"delta":{"content":""}}]}"#,
            r#"data: {"choices":[{"delta":{"content":"h\u00e9"}}]}"#,
            "",
            ": keep-alive",
            r#"data:{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
            r#"data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#,
            "data: [DONE]",
        ])
        .unwrap();
        assert_eq!(said.arrivals, [2.0]);
        assert_eq!(said.finish_reason.as_deref(), Some("stop"));
        assert_eq!(said.usage, Usage { prompt_tokens: Some(3), completion_tokens: Some(2) });
    }

    #[test]
    fn what_goes_wrong_has_its_kind() {
        let kind = |lines: &[&str]| stream(lines).unwrap_err().kind;
        assert_eq!(kind(&[]), FailureKind::Truncated);
        assert_eq!(
            kind(&[r#"data: {"choices":[{"delta":{"content":"x"}}]}"#]),
            FailureKind::Truncated
        );
        assert_eq!(kind(&["data: {\"choices\":["]), FailureKind::Malformed);
        assert_eq!(kind(&["<html>"]), FailureKind::Malformed);
        assert_eq!(kind(&[r#"data: {"error":{"message":"boom"}}"#]), FailureKind::WorkflowError);
        let whole = |body: &str| Whole::parse(body.as_bytes()).map(|_| ()).unwrap_err().kind;
        assert_eq!(whole(r#"{"choices":[{"mess"#), FailureKind::Truncated);
        assert_eq!(whole(r#"{"choices":[]}"#), FailureKind::Malformed);
        assert_eq!(whole(r#"{"error":"busy"}"#), FailureKind::WorkflowError);
    }
}
