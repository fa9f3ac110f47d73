//! Answers of the chat completions protocol, streamed and whole.
//!
//! An answer is a success only on evidence: the model said something or is counted to have, no part of
//! the answer reports an error, and it came to an end that the protocol calls an end.

mod error_fields;
mod stream;
mod token_line;
mod usage;
mod whole;
mod wire;

pub(in crate::workflow) use error_fields::ErrorFields;
pub(in crate::workflow) use stream::{Stream, is_of_an_error};
pub(in crate::workflow) use usage::Usage;
pub(in crate::workflow) use whole::Whole;

use crate::measure::{Failure, FailureKind, Gaps, LlmCall};
use crate::workflow::loose::Amount;

/// Of what is said, no more is kept.
const MOST_TEXT: usize = 1 << 20;

/// What a complete answer tells besides its text.
#[derive(Debug, Default, PartialEq)]
pub(in crate::workflow) struct Said {
    /// When tokens arrived, where the answer was streamed.
    pub arrivals: Vec<f64>,
    /// When the first of them did that is no thought of the model's.
    pub answer_at: Option<f64>,
    /// When the answer was over, where it was streamed.
    pub ended: Option<f64>,
    pub usage: Usage,
    pub finish_reason: Option<String>,
    /// The words, where somebody asks for them.
    pub text: Option<String>,
    /// How many of the answers to one prompt said something.
    voices: u64,
    /// The bytes of the first piece, and of all.
    first_bytes: usize,
    all_bytes: usize,
    thought: bool,
}

impl Said {
    /// An answer of which the counts alone are known.
    pub fn counted(usage: Usage) -> Self {
        Self { usage, ..Self::default() }
    }

    /// The call that it belongs to.
    pub fn as_call(&self, start: f64, end: f64) -> LlmCall {
        let chunks = self.arrivals.len() as u64;
        let many = self.tokens().is_some_and(|tokens| is_many(tokens, chunks));
        LlmCall {
            start,
            end,
            ttft: self.arrivals.first().map(|at| at - start),
            answer_ttft: self.answer_at.map(|at| at - start),
            prompt_tokens: self.usage.prompt_tokens,
            completion_tokens: self.usage.completion_tokens,
            itl: self.between_tokens(many),
            chunks: many.then_some(chunks),
            chunk_gaps: if many { Gaps::between(&self.arrivals) } else { None },
            finish_reason: self.finish_reason.clone(),
            ..LlmCall::default()
        }
    }

    /// Tokens that came over the wire: some servers also count thoughts that they keep.
    fn tokens(&self) -> Option<u64> {
        let hidden = self.usage.reasoning_tokens.filter(|_| !self.thought);
        let all = self.usage.completion_tokens?;
        let tokens = hidden.map_or(all, |hidden| all.saturating_sub(hidden));
        (tokens > 0 && !self.arrivals.is_empty()).then_some(tokens)
    }

    /// The times between tokens: all of the time after the first over all tokens after the first, however
    /// many of them came in one piece.
    fn between_tokens(&self, many: bool) -> Option<Gaps> {
        let chunks = self.arrivals.len() as u64;
        let (first, last) = (*self.arrivals.first()?, *self.arrivals.last()?);
        let voices = self.voices.max(1) as f64;
        let counted =
            self.tokens().filter(|tokens| *tokens > 1 && tokens.saturating_mul(2) >= chunks);
        let tokens = counted.unwrap_or(chunks) as f64 / voices;
        // The first piece can hold more than a token: as large a share of all as it has of the bytes.
        let at_first = if many && self.all_bytes > 0 {
            (tokens * voices * self.first_bytes as f64 / self.all_bytes as f64).max(1.0)
        } else {
            1.0
        };
        // Of a model's last token often only the end is seen.
        let ended = self.ended.filter(|_| counted.is_some_and(|tokens| tokens > chunks));
        let end = ended.map_or(last, |ended| ended.max(last));
        let after = tokens - at_first;
        if chunks < 2 || after < 0.5 {
            return None;
        }
        let mean = (end - first) / after;
        let single = if many || voices > 1.0 { None } else { Gaps::between(&self.arrivals) };
        Some(Gaps {
            mean,
            p95: single.and_then(|gaps| gaps.p95),
            max: single.and_then(|gaps| gaps.max),
        })
    }

    fn hear(&mut self, amount: Amount, now: f64) {
        if self.arrivals.is_empty() {
            self.first_bytes = amount.all();
        }
        self.all_bytes = self.all_bytes.saturating_add(amount.all());
        self.arrivals.push(now);
        self.thought |= amount.thought > 0;
        if amount.answer > 0 {
            self.answer_at.get_or_insert(now);
        }
    }

    fn keep(&mut self, words: &str) {
        if let Some(text) = &mut self.text
            && text.len() < MOST_TEXT
        {
            text.push_str(words);
        }
    }
}

/// Whether chunks carry more than one token each. The token that ends an answer is counted and not
/// seen, so one more than the chunks is no sign of it.
fn is_many(tokens: u64, chunks: u64) -> bool {
    const BEYOND: f64 = 1.25;
    tokens > chunks.saturating_add(1) && tokens as f64 > BEYOND * chunks as f64
}

/// What the server reported instead of an answer, or within it.
fn server_error(error: &str) -> Failure {
    let message = format!("the server reported an error: {error}");
    Failure::new(FailureKind::WorkflowError, message)
}

/// The failure that a reason for the end is.
fn broken_off(reason: &str) -> Option<Failure> {
    const NO_END: [&str; 14] = [
        "error",
        "abort",
        "cancel",
        "fail",
        "timeout",
        "timed_out",
        "time_out",
        "interrupt",
        "insufficient",
        "unavailable",
        "overload",
        "disconnect",
        "preempt",
        "killed",
    ];
    // Nearly all of them.
    if matches!(reason, "stop" | "length" | "tool_calls") {
        return None;
    }
    let lower = reason.to_ascii_lowercase();
    NO_END.iter().any(|word| lower.contains(word)).then(|| {
        let message = format!("the server broke the answer off: finish_reason `{}`", short(reason));
        Failure::new(FailureKind::WorkflowError, message)
    })
}

/// The failure of an answer that came to an end and says nothing.
fn empty() -> Failure {
    let message = "the answer is empty: it has neither text nor tool call nor refusal, and no tokens are counted";
    Failure::new(FailureKind::Truncated, message)
}

fn one_was_cut() -> Failure {
    let message =
        "one of the choices ended without a finish reason, and others have one: it was cut";
    Failure::new(FailureKind::Truncated, message)
}

/// A word of the server's, cut where it is no word any more.
fn short(text: &str) -> String {
    const LONGEST: usize = 4 << 10;
    text.split_at(text.floor_char_boundary(LONGEST)).0.to_owned()
}

#[cfg(test)]
mod tests;
