//! The record of one workflow run.

use super::{Note, Quantile, Step, quantile_of_sorted};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One LLM call inside a run.
///
/// Times are seconds since the level began, on the clock of whoever observed the call: the client
/// where it made the call itself, the server (aligned to the run's start) where the server
/// reported it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LlmCall {
    /// Start of the call.
    pub start: f64,
    /// End of the call.
    pub end: f64,
    /// Time to first token in seconds, if the call streams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttft: Option<f64>,
    /// Time to the first token of the answer itself in seconds, if the model reasons before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_ttft: Option<f64>,
    /// Prompt tokens, if the server counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u64>,
    /// Prompt tokens that the server took from its cache, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<u64>,
    /// Share of the prompt, 0 to 1, that an earlier prompt of the run began with as well, if prompts are seen; none of the
    /// first call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_prefix: Option<f64>,
    /// Generated tokens, if the server counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_tokens: Option<u64>,
    /// Times between tokens as they arrived, if the call streams more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub itl: Option<Gaps>,
    /// Number of chunks in which the tokens came, if they carry more than one each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunks: Option<u64>,
    /// Times between those chunks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk_gaps: Option<Gaps>,
    /// Finish reason, if the server reports one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// Model that was requested, if calls are observed by the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Upstream server that was asked, by its name in the spec, if there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// HTTP status of the answer, if calls are observed by the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
}

/// Times between the tokens of one call (inter-token latencies), in seconds. Tokens that arrive in
/// one chunk of the stream have no time between them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gaps {
    /// Time from the first token to the last, divided by the number of tokens less one.
    pub mean: f64,
    /// 95th percentile, if the single gaps are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95: Option<f64>,
    /// Longest gap, if the single gaps are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

impl Gaps {
    /// Computes the gaps between ascending arrival times; `None` if there are fewer than two.
    pub fn between(arrivals: &[f64]) -> Option<Self> {
        Self::of(arrivals.windows(2).map(|pair| pair[1] - pair[0]).collect())
    }

    /// Summarises gaps; `None` if there are none.
    pub fn of(mut gaps: Vec<f64>) -> Option<Self> {
        gaps.sort_unstable_by(f64::total_cmp);
        let p95 = quantile_of_sorted(&gaps, Quantile::P95.share())?;
        let (mean, max) = (gaps.iter().sum::<f64>() / gaps.len() as f64, *gaps.last()?);
        Some(Self { mean, p95: Some(p95), max: Some(max) })
    }
}

impl LlmCall {
    /// Returns the LLM latency in seconds.
    pub fn latency(&self) -> f64 {
        self.end - self.start
    }
}

/// Kind of failure of a run.
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
#[non_exhaustive]
pub enum FailureKind {
    /// No connection could be made.
    Connect,
    /// The server's name could not be resolved.
    Dns,
    /// The server rejected the request as one too many (HTTP status 429).
    RateLimited,
    /// The server answered with an HTTP status other than success.
    HttpStatus,
    /// The run took longer than the workflow's `timeout`.
    Timeout,
    /// No answer had begun within the connection's `first_byte_timeout`.
    NoFirstByte,
    /// The TLS handshake failed.
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
    /// The body exceeds the size limit.
    TooLarge,
    /// The answer breaks the workflow's own `success` rule.
    RuleBroken,
    /// The request could not be rendered from the item.
    Template,
    /// Reported as failed by the recording of another load generator, or by a worker.
    Reported,
    /// The program could not be started.
    Spawn,
    /// Software that the workflow runs in is not installed, or cannot be loaded.
    NotInstalled,
    /// The program exited without success.
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
            Self::NotInstalled => "not installed",
            Self::Exit => "program failed",
        })
    }
}

/// Reason why a run failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Failure {
    /// Kind of failure.
    pub kind: FailureKind,
    /// Message for the person reading the report.
    pub message: String,
}

impl Failure {
    /// Creates a failure with its message, which is yet to be redacted and shortened.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        // Far more than is shown: a secret that is cut in two is not known again.
        const LONGEST: usize = 16 << 10;
        Self { kind, message: message.into() }.cut(LONGEST)
    }

    /// Shortens the message to a length that a person would read.
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

/// Outcome of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The whole answer arrived.
    #[default]
    Ok,
    /// The run failed; its times are never counted.
    Failed(Failure),
}

/// Part of a level that a run belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before the load was steady: counted if it fails, never timed.
    WarmUp,
    /// Within the measured window.
    #[default]
    Measured,
    /// Keeps up the load until the last measured run has ended: counted if it fails, never timed.
    CoolDown,
}

impl Phase {
    /// Returns true if runs of this phase are timed.
    pub fn is_measured(&self) -> bool {
        *self == Self::Measured
    }
}

/// One workflow run for one item. The default is a measured run that succeeded, of which nothing
/// else is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The item's id, with `_repN` when the dataset was repeated.
    pub id: String,
    /// Seconds since the level began, before the request was sent.
    pub start: f64,
    /// Seconds since the level began, after the last byte arrived.
    pub end: f64,
    /// Outcome of the run.
    pub outcome: Outcome,
    /// LLM calls of the run, as far as they can be observed.
    pub llm_calls: Vec<LlmCall>,
    /// The workflow's own runtime as the server reports it, in seconds: an extra column, never the
    /// runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_runtime: Option<f64>,
    /// Part of the level that it belongs to.
    #[serde(default, skip_serializing_if = "Phase::is_measured")]
    pub phase: Phase,
    /// HTTP status of the answer, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// True if the request met a kept connection that the server had closed, and was sent again on
    /// a new one within the run's time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reconnected: bool,
    /// Number of times that the request failed and was retried within the run's time.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retries: u32,
    /// LLM calls that failed within the run; they are in no other figure.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed_calls: u32,
    /// Observations that are not failures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// Steps of the workflow, in the order in which they began, as far as it reports them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Returns the longest that a server can have worked on a run whose client waited for so many seconds: as long, but for
/// how exact both clocks are.
pub fn longest_work(waited: f64) -> f64 {
    const INEXACT: f64 = 0.1;
    waited * (1.0 + INEXACT) + INEXACT
}

impl Run {
    /// Returns the workflow runtime in seconds, as the user sees it.
    pub fn runtime(&self) -> f64 {
        self.end - self.start
    }

    /// Returns what a server reports as its own runtime, in seconds, if it can be true: no server works on a run for
    /// longer than its client waits, but for how exact both clocks are.
    pub fn believed(&self, seconds: Option<f64>) -> Option<f64> {
        seconds.filter(|seconds| (0.0..=longest_work(self.runtime())).contains(seconds))
    }

    /// Returns true if the whole answer arrived.
    pub fn is_ok(&self) -> bool {
        self.outcome == Outcome::Ok
    }

    /// Returns true if its times count: it is part of the measured window, and succeeded.
    pub fn counts(&self) -> bool {
        self.is_ok() && self.phase.is_measured()
    }
}
