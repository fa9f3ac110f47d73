//! Metrics that targets can be set on.

use super::CallColumn;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A time that is measured per run or per LLM call and that a target can limit.
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
pub enum Metric {
    /// End-to-end time of a run as the user sees it.
    WorkflowRuntime,
    /// Time of one LLM call.
    LlmLatency,
    /// Time from the start of an LLM call to its first token; only of streamed answers.
    Ttft,
    /// Mean time between the tokens of an LLM call; only of streamed answers.
    Itl,
}

impl Metric {
    /// All metrics, in the order in which they are reported.
    pub const ALL: [Self; 4] = [Self::WorkflowRuntime, Self::LlmLatency, Self::Ttft, Self::Itl];
    /// The two metrics of every workflow with LLM calls, which are also those of the reference
    /// calculator.
    pub const MAIN: [Self; 2] = [Self::WorkflowRuntime, Self::LlmLatency];

    /// Returns the key of this metric in specs and results.
    pub fn key(self) -> &'static str {
        match self {
            Self::WorkflowRuntime => "workflow_runtime",
            Self::LlmLatency => "llm_latency",
            Self::Ttft => "ttft",
            Self::Itl => "itl",
        }
    }

    /// Returns the column of LLM calls behind this metric; `None` for metrics that are timed per
    /// run.
    pub fn call_column(self) -> Option<CallColumn> {
        match self {
            Self::WorkflowRuntime => None,
            Self::LlmLatency => Some(CallColumn::Latency),
            Self::Ttft => Some(CallColumn::Ttft),
            Self::Itl => Some(CallColumn::ItlMean),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WorkflowRuntime => "workflow runtime",
            Self::LlmLatency => "LLM latency",
            Self::Ttft => "time to first token",
            Self::Itl => "inter-token latency",
        })
    }
}
