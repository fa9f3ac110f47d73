//! The record of one workflow run.

use super::{Note, Quantile, quantile_of_sorted};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One LLM call inside a run.
///
/// Times are seconds since the level began, on the clock of whoever observed the call: the client
/// where it made the call itself, the server (aligned to the run's start) where the server
/// reported it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LlmCall {
    /// When the call began.
    pub start: f64,
    /// When it ended.
    pub end: f64,
    /// Time to first token in seconds, where the call streams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttft: Option<f64>,
    /// The same to the first token of the answer itself, where the model says something to itself before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_ttft: Option<f64>,
    /// Prompt tokens, where the server counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u64>,
    /// Generated tokens, where the server counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_tokens: Option<u64>,
    /// Times between tokens as they arrived, where the call streams more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub itl: Option<Gaps>,
    /// Pieces in which the tokens came, where they carry more than one each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunks: Option<u64>,
    /// Times between those pieces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk_gaps: Option<Gaps>,
    /// Why the model stopped, where it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// The model that was asked, where calls are seen on their way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Which of several servers was asked, by the name that the spec gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// HTTP status of the answer, where calls are seen on their way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
}

/// Times between the tokens of one call (inter-token latencies), in seconds. Tokens that arrive in
/// one piece of the stream have no time between them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gaps {
    /// From the first token to the last, over one less than the tokens.
    pub mean: f64,
    /// The 95th percentile, where single ones are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95: Option<f64>,
    /// The longest, where single ones are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

impl Gaps {
    /// The gaps between arrival times, which ascend; `None` of fewer than two.
    pub fn between(arrivals: &[f64]) -> Option<Self> {
        Self::of(arrivals.windows(2).map(|pair| pair[1] - pair[0]).collect())
    }

    /// The summary of gaps; `None` of none.
    pub fn of(mut gaps: Vec<f64>) -> Option<Self> {
        gaps.sort_unstable_by(f64::total_cmp);
        let p95 = quantile_of_sorted(&gaps, Quantile::P95.share())?;
        let (mean, max) = (gaps.iter().sum::<f64>() / gaps.len() as f64, *gaps.last()?);
        Some(Self { mean, p95: Some(p95), max: Some(max) })
    }
}

impl LlmCall {
    /// The LLM latency in seconds.
    pub fn latency(&self) -> f64 {
        self.end - self.start
    }
}

/// What kind of thing went wrong in a run.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// No connection could be made.
    Connect,
    /// The server's name leads to no address.
    Dns,
    /// The server answered that it gets too many requests (HTTP status 429).
    RateLimited,
    /// The server answered with an HTTP status other than success.
    HttpStatus,
    /// The run took longer than the workflow's `timeout`.
    Timeout,
    /// No answer had begun within the connection's `first_byte_timeout`.
    NoFirstByte,
    /// TLS could not be agreed upon.
    Tls,
    /// The connection broke.
    Reset,
    /// The server closed the connection before its answer was complete.
    Closed,
    /// The body ended before the answer did.
    Truncated,
    /// The body is not what the protocol says.
    Malformed,
    /// The server reported that the workflow failed.
    WorkflowError,
    /// The body is larger than any honest answer.
    TooLarge,
    /// The answer breaks the workflow's own rule of success.
    RuleBroken,
    /// The request could not be made from the item.
    Template,
    /// A recording of another load generator says so, or a worker does of its run.
    Reported,
    /// The program could not be started.
    Spawn,
    /// The program ended otherwise than with success.
    Exit,
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connection failed",
            Self::Dns => "name not found",
            Self::RateLimited => "rate limited",
            Self::HttpStatus => "HTTP error status",
            Self::Timeout => "timed out",
            Self::NoFirstByte => "no answer began",
            Self::Tls => "no TLS",
            Self::Reset => "connection broke",
            Self::Closed => "connection closed early",
            Self::Truncated => "answer cut short",
            Self::Malformed => "malformed answer",
            Self::WorkflowError => "workflow error",
            Self::TooLarge => "answer too large",
            Self::RuleBroken => "not a success",
            Self::Template => "no request",
            Self::Reported => "reported as failed",
            Self::Spawn => "not started",
            Self::Exit => "program failed",
        })
    }
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Failure {
    /// What kind of thing went wrong.
    pub kind: FailureKind,
    /// What happened, for the person reading the report.
    pub message: String,
}

impl Failure {
    /// A failure with its message, which is yet to be cleared of secrets and shortened.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        // Far more than is shown: a secret that is cut in two is not known again.
        const LONGEST: usize = 16 << 10;
        Self { kind, message: message.into() }.cut(LONGEST)
    }

    /// The same with a message no longer than a person would read.
    #[must_use]
    pub fn shortened(self) -> Self {
        const LONGEST: usize = 500;
        self.cut(LONGEST)
    }

    fn cut(mut self, longest: usize) -> Self {
        if self.message.len() > longest {
            let cut = self.message.floor_char_boundary(longest);
            self.message.truncate(cut);
            self.message.push('…');
        }
        self
    }
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The whole answer arrived.
    #[default]
    Ok,
    /// It did not; the run's times are never counted.
    Failed(Failure),
}

/// What part of a level a run belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before the load was steady: counted if it fails, never timed.
    WarmUp,
    /// It counts.
    #[default]
    Measured,
    /// It kept up the load until the last measured run had ended: counted if it fails, never timed.
    CoolDown,
}

impl Phase {
    /// Whether the run's times count.
    pub fn is_measured(&self) -> bool {
        *self == Self::Measured
    }
}

/// One workflow run for one item; by default a measured one that succeeded, of which nothing else is
/// known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The item's id, with `_repN` when the dataset was repeated.
    pub id: String,
    /// Seconds since the level began, before the request was sent.
    pub start: f64,
    /// Seconds since the level began, after the last byte arrived.
    pub end: f64,
    /// How it ended.
    pub outcome: Outcome,
    /// The LLM calls made, where they can be seen.
    pub llm_calls: Vec<LlmCall>,
    /// The workflow's own runtime as the server reported it, in seconds: an extra column, never
    /// the runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_runtime: Option<f64>,
    /// What part of the level it belongs to.
    #[serde(default, skip_serializing_if = "Phase::is_measured")]
    pub phase: Phase,
    /// HTTP status of the answer, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// Whether the request met a kept connection that the server had closed, and was sent again on
    /// a new one within the run's time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reconnected: bool,
    /// How often the request failed and was tried again within the run's time.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retries: u32,
    /// LLM calls that failed within the run; they are in no other figure.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed_calls: u32,
    /// What is no failure, and should be known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Run {
    /// The workflow runtime in seconds, as the user sees it.
    pub fn runtime(&self) -> f64 {
        self.end - self.start
    }

    /// Whether the whole answer arrived.
    pub fn is_ok(&self) -> bool {
        self.outcome == Outcome::Ok
    }

    /// Whether its times count: it is part of the measured window, and succeeded.
    pub fn counts(&self) -> bool {
        self.is_ok() && self.phase.is_measured()
    }
}
