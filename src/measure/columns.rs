//! Column-by-column access to runs, so that a level of millions is aggregated without holding its
//! runs.

use super::{FailureKind, LlmCall, Note, Outcome, Phase, Run, Step};

/// All scalar facts about a run, without its calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunFields {
    /// Part of the level that it belongs to.
    pub phase: Phase,
    /// Start, in seconds since the level began.
    pub start: f64,
    /// End, in seconds since the level began.
    pub end: f64,
    /// Kind of failure, if it failed.
    pub failure: Option<FailureKind>,
    /// HTTP status of the answer.
    pub http_status: Option<u16>,
    /// Runtime in seconds as the server reports it.
    pub server_runtime: Option<f64>,
    /// True if its request met a closed connection and was sent again.
    pub reconnected: bool,
    /// Number of retries.
    pub retries: u32,
    /// LLM calls that failed within it.
    pub failed_calls: u32,
}

/// An optional figure of an LLM call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallColumn {
    /// Duration in seconds.
    Latency,
    /// Time to first token, in seconds.
    Ttft,
    /// Time to the first token of the answer itself (reasoning excluded), in seconds.
    AnswerTtft,
    /// Mean time between tokens, in seconds.
    ItlMean,
    /// 95th percentile of the times between tokens, in seconds.
    ItlP95,
    /// Longest time between tokens, in seconds.
    ItlMax,
    /// Mean time between chunks that carry several tokens, in seconds.
    ChunkGapMean,
    /// Longest time between such chunks, in seconds.
    ChunkGapMax,
    /// Mean number of tokens in such a chunk.
    TokensPerChunk,
    /// Prompt tokens.
    PromptTokens,
    /// Prompt tokens that the server took from its cache.
    CachedTokens,
    /// Share of the prompt that an earlier one of the run began with.
    SharedPrefix,
    /// Generated tokens.
    CompletionTokens,
    /// Generated tokens per second of the call.
    TokensPerSecond,
}

impl CallColumn {
    /// Returns the figure of one call; `None` if the call lacks it.
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
            Self::SharedPrefix => call.shared_prefix,
            Self::CachedTokens => tokens(call.cached_tokens),
            Self::CompletionTokens => tokens(call.completion_tokens),
            Self::TokensPerSecond => {
                let latency = call.latency();
                let tokens = tokens(call.completion_tokens)?;
                (latency > 0.0).then(|| tokens / latency)
            }
        }
    }
}

/// Runs of a level, in the order in which they began. Each method iterates over all of them once; a
/// run is identified by its index.
pub trait RunColumns {
    /// Error of reading them.
    type Error;

    /// Calls `each` with every run's head.
    fn each_run(&self, each: &mut dyn FnMut(RunFields)) -> Result<(), Self::Error>;

    /// Calls `each` with the index and message of every failed run.
    fn each_message(&self, each: &mut dyn FnMut(usize, &str)) -> Result<(), Self::Error>;

    /// Calls `each` with the run's index and one figure of every call that has it.
    fn each_call(
        &self,
        column: CallColumn,
        each: &mut dyn FnMut(usize, f64),
    ) -> Result<(), Self::Error>;

    /// Calls `each` with the run's index and the finish reason of every call that has one.
    fn each_finish_reason(&self, each: &mut dyn FnMut(usize, &str)) -> Result<(), Self::Error>;

    /// Calls `each` with every note on a run.
    fn each_note(&self, each: &mut dyn FnMut(Note)) -> Result<(), Self::Error>;

    /// Calls `each` with the run's index, the start and the end of every call, in seconds since the level began. By
    /// default no call has any.
    fn each_call_span(&self, each: &mut dyn FnMut(usize, f64, f64)) -> Result<(), Self::Error> {
        let _ = each;
        Ok(())
    }

    /// Calls `each` with the index and the steps of every run that has any. By default none has.
    fn each_steps(&self, each: &mut dyn FnMut(usize, &[Step])) -> Result<(), Self::Error> {
        let _ = each;
        Ok(())
    }
}

impl Run {
    /// Returns the run without its calls.
    pub(crate) fn head(&self) -> RunFields {
        RunFields {
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
