//! The times that targets can be set on.

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
}

impl Metric {
    /// All metrics, in the order in which they are reported.
    pub const ALL: [Self; 2] = [Self::WorkflowRuntime, Self::LlmLatency];

    /// The key of this metric in specs and results.
    pub fn key(self) -> &'static str {
        match self {
            Self::WorkflowRuntime => "workflow_runtime",
            Self::LlmLatency => "llm_latency",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WorkflowRuntime => "workflow runtime",
            Self::LlmLatency => "LLM latency",
        })
    }
}
