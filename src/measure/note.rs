//! Observations about a run that are not failures.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An observation about a server, made while it answered a run.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Note {
    /// The server kept a response open after its answer was over: this one, or one shortly before.
    HeldOpen,
    /// The server rejects `stream_options`, so the request was sent without it.
    WithoutStreamOptions,
    /// The server rejects `max_tokens`, so the request used `max_completion_tokens`.
    MaxCompletionTokens,
    /// The workflow reported more steps than are kept of a run.
    StepsLeftOut,
    /// The server reports a step or an LLM call whose times cannot be, such as an end before its start. It is left out.
    ImpossibleTimes,
}
