//! Answers of the chat completions protocol, streamed and whole.
//!
//! An answer is a success only on evidence: the model said something or its tokens are counted, no part of
//! the answer reports an error, and it ended as the protocol says.

mod error_fields;
mod pace;
mod stream;
mod token_line;
mod usage;
mod whole_answer;
mod wire;

pub(in crate::workflow) use error_fields::ErrorFields;
pub(in crate::workflow) use stream::{Stream, is_of_an_error};
pub(in crate::workflow) use usage::Usage;
pub(in crate::workflow) use whole_answer::WholeAnswer;

use crate::measure::{Failure, FailureKind, Gaps, LlmCall};
use crate::workflow::loose::Amount;
use pace::{Pace, mean_gap};

/// Number of bytes of text that are kept.
const MOST_TEXT: usize = 1 << 20;

/// Content of a complete answer besides its text.
#[derive(Debug, Default, PartialEq)]
pub(in crate::workflow) struct ParsedAnswer {
    /// Arrival times of tokens, if the answer was streamed.
    pub arrivals: Vec<f64>,
    /// Arrival time of the first token that is not a thought.
    pub answer_at: Option<f64>,
    /// End of the answer, if it was streamed.
    pub ended: Option<f64>,
    pub usage: Usage,
    pub finish_reason: Option<String>,
    /// Text of the answer, if the caller asked for it.
    pub text: Option<String>,
    /// Paces of the choices that said something, once the answer has ended.
    paces: Vec<Pace>,
    /// Sizes of the first piece and of all pieces, in bytes.
    first_bytes: usize,
    all_bytes: usize,
    thought: bool,
}

impl ParsedAnswer {
    /// Creates an answer of which only the token counts are known.
    pub fn counted(usage: Usage) -> Self {
        Self { usage, ..Self::default() }
    }

    /// Converts the answer to an LLM call.
    pub fn as_call(&self, start: f64, end: f64) -> LlmCall {
        let chunks = self.arrivals.len() as u64;
        let many = self.tokens().is_some_and(|tokens| is_many(tokens, chunks));
        LlmCall {
            start,
            end,
            ttft: self.arrivals.first().map(|at| at - start),
            answer_ttft: self.answer_at.map(|at| at - start),
            prompt_tokens: self.usage.prompt_tokens,
            cached_tokens: self.usage.cached_tokens,
            completion_tokens: self.usage.completion_tokens,
            itl: self.between_tokens(many),
            chunks: many.then_some(chunks),
            chunk_gaps: if many { Gaps::between(&self.arrivals) } else { None },
            finish_reason: self.finish_reason.clone(),
            ..LlmCall::default()
        }
    }

    /// Number of tokens that were sent. Some servers also count thoughts that they do not send.
    fn tokens(&self) -> Option<u64> {
        let hidden = self.usage.reasoning_tokens.filter(|_| !self.thought);
        let all = self.usage.completion_tokens?;
        let tokens = hidden.map_or(all, |hidden| all.saturating_sub(hidden));
        (tokens > 0 && !self.arrivals.is_empty()).then_some(tokens)
    }

    /// Gaps between tokens: the time after the first token divided by the number of tokens after it, however
    /// many of them arrived in one piece.
    fn between_tokens(&self, many: bool) -> Option<Gaps> {
        let chunks = self.arrivals.len() as u64;
        let (first, last) = (*self.arrivals.first()?, *self.arrivals.last()?);
        let counted =
            self.tokens().filter(|tokens| *tokens > 1 && tokens.saturating_mul(2) >= chunks);
        if self.paces.len() > 1 {
            let mean = mean_gap(&self.paces, counted, many.then_some(self.all_bytes))?;
            return Some(Gaps { mean, p95: None, max: None });
        }
        let tokens = counted.unwrap_or(chunks) as f64;
        // The first piece may hold several tokens: as large a share of all tokens as it has of the bytes.
        let at_first = if many && self.all_bytes > 0 {
            (tokens * self.first_bytes as f64 / self.all_bytes as f64).max(1.0)
        } else {
            1.0
        };
        // The last token often only shows as the end of the answer.
        let ended = self.ended.filter(|_| counted.is_some_and(|tokens| tokens > chunks));
        let end = ended.map_or(last, |ended| ended.max(last));
        let after = tokens - at_first;
        if chunks < 2 || after < 0.5 {
            return None;
        }
        // No gap is longer than the time in which it lies.
        let mean = (end - first) / after.max(1.0);
        let single = if many { None } else { Gaps::between(&self.arrivals) };
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

/// Returns true if chunks carry more than one token each. The token that ends an answer is counted but not
/// sent, so one token more than there are chunks proves nothing.
fn is_many(tokens: u64, chunks: u64) -> bool {
    const BEYOND: f64 = 1.25;
    tokens > chunks.saturating_add(1) && tokens as f64 > BEYOND * chunks as f64
}

/// Builds the failure for an error that the server reported instead of an answer, or within it.
fn server_error(error: &str) -> Failure {
    let message = format!("the server reported an error: {error}");
    Failure::new(FailureKind::WorkflowError, message)
}

/// Returns the failure for a finish reason that means the answer was broken off.
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
    // Fast path for nearly all answers.
    if matches!(reason, "stop" | "length" | "tool_calls") {
        return None;
    }
    let lower = reason.to_ascii_lowercase();
    NO_END.iter().any(|word| lower.contains(word)).then(|| {
        let message = format!("the server aborted the answer: finish_reason `{}`", short(reason));
        Failure::new(FailureKind::WorkflowError, message)
    })
}

/// Builds the failure of an answer that ended without saying anything.
fn empty() -> Failure {
    let message = "the answer is empty: it has neither text nor tool call nor refusal, and no tokens are counted";
    Failure::new(FailureKind::Truncated, message)
}

fn one_was_cut() -> Failure {
    let message =
        "one of the choices ended without a finish reason, but others have one: it was cut off";
    Failure::new(FailureKind::Truncated, message)
}

/// Cuts a word of the server's that is too long to be one.
fn short(text: &str) -> String {
    const LONGEST: usize = 4 << 10;
    text.split_at(text.floor_char_boundary(LONGEST)).0.to_owned()
}

#[cfg(test)]
mod tests;
