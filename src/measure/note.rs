//! What is no failure, and a careful reader should know.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that was noticed of a server while it answered a run.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// The server kept a response open whose answer was over: this one, or one shortly before.
    HeldOpen,
    /// The server refuses `stream_options`, so the request was sent without.
    WithoutStreamOptions,
    /// The server refuses `max_tokens`, so the request said `max_completion_tokens`.
    MaxCompletionTokens,
}
