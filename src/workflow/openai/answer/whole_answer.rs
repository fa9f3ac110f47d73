//! Answers in one piece.

use super::wire::{Choice, Chunk};
use super::{ParsedAnswer, Usage, broken_off, empty, one_was_cut, server_error, short};
use crate::measure::{Failure, FailureKind};
use crate::workflow::openai::malformed::malformed;

/// Parser of an answer in one piece.
pub(in crate::workflow) struct WholeAnswer;

impl WholeAnswer {
    /// Returns true if an answer in any protocol reports an error.
    pub fn reports_an_error(body: &[u8]) -> bool {
        let chunk = serde_json::from_slice::<Chunk<'_>>(body);
        chunk.is_ok_and(|chunk| chunk.reported(body).is_some())
    }

    /// Parses a complete answer.
    pub fn parse(body: &[u8]) -> Result<ParsedAnswer, Failure> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let mended;
        let parsed = match serde_json::from_slice(body) {
            Err(error) if !error.is_data() => {
                mended = crate::workflow::mended::mended(body);
                mended.as_deref().map_or(Err(error), serde_json::from_str)
            }
            parsed => parsed,
        };
        let chunk: Chunk<'_> = parsed.map_err(|error| not_whole(body, &error))?;
        if let Some(error) = chunk.reported(body) {
            return Err(server_error(&error));
        }
        let choices = chunk.choices.as_deref().unwrap_or(&[]);
        let is_answer =
            |choice: &&Choice<'_>| choice.message.is_some() || choice.text.text.is_some();
        let Some(choice) = choices.iter().find(is_answer) else {
            return Err(malformed("the answer has no choice with a message", body));
        };
        let given = || choices.iter().filter_map(Choice::reason);
        if let Some(failure) = given().find_map(broken_off) {
            return Err(failure);
        }
        if given().next().is_some() && given().count() < choices.len() {
            return Err(one_was_cut());
        }
        let usage = chunk.usage.or(choice.usage).map_or_else(Usage::default, Usage::read);
        let says = choices.iter().any(|choice| choice.amount().all() > 0);
        if !says && usage.completion_tokens.is_none() {
            return Err(empty());
        }
        Ok(ParsedAnswer {
            usage,
            finish_reason: choice.reason().map(short),
            text: choice.plain().map(|words| words.clone().into_owned()),
            ..ParsedAnswer::default()
        })
    }
}

fn not_whole(body: &[u8], error: &serde_json::Error) -> Failure {
    if body.trim_ascii_start().starts_with(b"data:") {
        let message = "the server streams its answer although `stream: false` was requested: set `stream: true`";
        Failure::new(FailureKind::Malformed, message)
    } else if error.is_eof() {
        Failure::new(FailureKind::Truncated, "the body ended in the middle of the answer")
    } else if error.is_data() {
        malformed("the answer does not have the form of a chat completion", body)
    } else {
        malformed("the answer is not valid JSON", body)
    }
}
