//! The record of one workflow run.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One LLM call inside a run.
///
/// Times are seconds since the level began, on the clock of whoever observed the call: the client
/// where it made the call itself, the server (aligned to the run's start) where the server
/// reported it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LlmCall {
    /// When the call began.
    pub start: f64,
    /// When it ended.
    pub end: f64,
    /// Time to first token in seconds, where the call streams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttft: Option<f64>,
    /// Prompt tokens, where the server counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u64>,
    /// Generated tokens, where the server counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_tokens: Option<u64>,
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
    /// The server answered with an HTTP status other than success.
    HttpStatus,
    /// The run took longer than the workflow's `timeout`.
    Timeout,
    /// The connection broke before the body was complete.
    Reset,
    /// The body ended before the answer did.
    Truncated,
    /// The body is not what the protocol says.
    Malformed,
    /// The server reported that the workflow failed.
    WorkflowError,
    /// The body is larger than any honest answer.
    TooLarge,
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connection failed",
            Self::HttpStatus => "HTTP error status",
            Self::Timeout => "timed out",
            Self::Reset => "connection broke",
            Self::Truncated => "answer cut short",
            Self::Malformed => "malformed answer",
            Self::WorkflowError => "workflow error",
            Self::TooLarge => "answer too large",
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
    /// A failure with its message, which is cut where it is longer than a person would read.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        const LONGEST: usize = 500;
        let mut message: String = message.into();
        if message.len() > LONGEST {
            let cut = message.floor_char_boundary(LONGEST);
            message.truncate(cut);
            message.push('…');
        }
        Self { kind, message }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The whole answer arrived.
    Ok,
    /// It did not; the run's times are never counted.
    Failed(Failure),
}

/// One workflow run for one item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Whether the request met a kept connection that the server had closed, and was sent again on
    /// a new one within the run's time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reconnected: bool,
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
}
