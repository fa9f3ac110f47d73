//! Runs column by column, so that a level of millions is aggregated without holding its runs.

use super::{FailureKind, LlmCall, Note, Outcome, Phase, Run};

/// What is known of every run but its calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Head {
    /// What part of the level it belongs to.
    pub phase: Phase,
    /// When it began, in seconds since the level did.
    pub start: f64,
    /// When it ended.
    pub end: f64,
    /// Why it failed, if it did.
    pub failure: Option<FailureKind>,
    /// HTTP status of the answer.
    pub http_status: Option<u16>,
    /// Its runtime as the server reports it.
    pub server_runtime: Option<f64>,
    /// Whether its request met a closed connection and was sent again.
    pub reconnected: bool,
    /// How often it was tried again.
    pub retries: u32,
    /// LLM calls that failed within it.
    pub failed_calls: u32,
}

/// A figure that every LLM call has or lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallColumn {
    /// Its time, in seconds.
    Latency,
    /// Time to first token.
    Ttft,
    /// Time to the first token of the answer itself.
    AnswerTtft,
    /// Mean time between tokens.
    ItlMean,
    /// 95th percentile of the times between tokens.
    ItlP95,
    /// Longest time between tokens.
    ItlMax,
    /// Mean time between chunks that carry several tokens.
    ChunkGapMean,
    /// Longest time between such chunks.
    ChunkGapMax,
    /// Tokens in each of such chunks, on average.
    TokensPerChunk,
    /// Prompt tokens.
    PromptTokens,
    /// Generated tokens.
    CompletionTokens,
    /// Generated tokens per second of the call.
    TokensPerSecond,
}

impl CallColumn {
    /// The figure of one call.
    pub fn of(self, call: &LlmCall) -> Option<f64> {
        let tokens = |count: Option<u64>| count.map(|count| count as f64);
        match self {
            Self::Latency => Some(call.latency()),
            Self::Ttft => call.ttft,
            Self::AnswerTtft => call.answer_ttft,
            Self::ChunkGapMean => Some(call.chunk_gaps?.mean),
            Self::ChunkGapMax => call.chunk_gaps?.max,
            Self::TokensPerChunk => {
                Some(tokens(call.completion_tokens)? / tokens(call.chunks)?.max(1.0))
            }
            Self::ItlMean => Some(call.itl?.mean),
            Self::ItlP95 => call.itl?.p95,
            Self::ItlMax => call.itl?.max,
            Self::PromptTokens => tokens(call.prompt_tokens),
            Self::CompletionTokens => tokens(call.completion_tokens),
            Self::TokensPerSecond => {
                let latency = call.latency();
                let tokens = tokens(call.completion_tokens)?;
                (latency > 0.0).then(|| tokens / latency)
            }
        }
    }
}

/// The runs of a level, in the order in which they began. Each method goes through all of them
/// once; a run is told by its position.
pub trait RunColumns {
    /// What can go wrong while they are read.
    type Error;

    /// Hands over every run's head.
    fn each_head(&self, each: &mut dyn FnMut(Head)) -> Result<(), Self::Error>;

    /// Hands over the message of every run that failed.
    fn each_message(&self, each: &mut dyn FnMut(usize, &str)) -> Result<(), Self::Error>;

    /// Hands over one figure of every call that has it.
    fn each_call(
        &self,
        column: CallColumn,
        each: &mut dyn FnMut(usize, f64),
    ) -> Result<(), Self::Error>;

    /// Hands over the reason why each call ended, where it is known.
    fn each_finish_reason(&self, each: &mut dyn FnMut(usize, &str)) -> Result<(), Self::Error>;

    /// Hands over what should be known of each run.
    fn each_note(&self, each: &mut dyn FnMut(Note)) -> Result<(), Self::Error>;
}

impl Run {
    /// The run without its calls.
    pub fn head(&self) -> Head {
        Head {
            phase: self.phase,
            start: self.start,
            end: self.end,
            failure: match &self.outcome {
                Outcome::Ok => None,
                Outcome::Failed(failure) => Some(failure.kind),
            },
            http_status: self.http_status,
            server_runtime: self.server_runtime,
            reconnected: self.reconnected,
            retries: self.retries,
            failed_calls: self.failed_calls,
        }
    }
}
