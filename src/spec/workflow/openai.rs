//! `type: openai`.

use super::{Headers, default_timeout, yes};
use crate::spec::{Address, Seconds, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An endpoint that speaks the chat completions protocol; a run is one LLM call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenaiSpec {
    /// Where the API lives, such as `http://localhost:8000/v1`.
    pub base_url: Address,
    /// The model to ask.
    pub model: String,
    /// The bearer token, by reference: `${env:API_KEY}`.
    #[serde(default)]
    pub api_key: Option<Secret>,
    /// Whether the answer is streamed; without it there is no time to first token.
    #[serde(default = "yes")]
    pub stream: bool,
    /// Longest time that a run may take.
    #[serde(default = "default_timeout")]
    pub timeout: Seconds,
    /// A system message before each question.
    #[serde(default)]
    pub system: Option<String>,
    /// Longest answer, in tokens.
    #[serde(default)]
    pub max_tokens: Option<u32>,
    /// Sampling temperature.
    #[serde(default)]
    pub temperature: Option<f64>,
    /// Further keys of the request's body, as the server knows them.
    #[serde(default)]
    pub extra_body: serde_json::Map<String, serde_json::Value>,
    /// Further request headers.
    #[serde(default)]
    pub headers: Headers,
}
