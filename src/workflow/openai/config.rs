//! `type: openai`.

use crate::language::{Address, Seconds, Secret};
use crate::workflow::defaults::{default_timeout, yes};
use crate::workflow::{ConnectionSpec, Headers, ServeSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An endpoint that speaks the chat completions protocol; a run is one LLM call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenaiSpec {
    /// Base address of the API, such as `http://localhost:8000/v1`.
    pub base_url: Address,
    /// Model to ask.
    pub model: String,
    /// Request of the protocol to use.
    #[serde(default)]
    pub api: OpenaiApi,
    /// Bearer token, by reference: `${env:API_KEY}`.
    #[serde(default)]
    pub api_key: Option<Secret>,
    /// Stream the answer; without it there is no time to first token.
    #[serde(default = "yes")]
    pub stream: bool,
    /// Longest time that a run may take.
    #[serde(default = "default_timeout")]
    pub timeout: Seconds,
    /// System message before each question.
    #[serde(default)]
    pub system: Option<String>,
    /// Key or column of the dataset that holds a whole conversation, as a list of messages.
    #[serde(default)]
    pub messages_key: Option<String>,
    /// Key or column of the dataset that holds the tools of an entry.
    #[serde(default)]
    pub tools_key: Option<String>,
    /// Longest answer, in tokens.
    #[serde(default)]
    pub max_tokens: Option<u32>,
    /// Sampling temperature.
    #[serde(default)]
    pub temperature: Option<f64>,
    /// Additional keys of the request body, passed on as they are.
    #[serde(default)]
    pub extra_body: serde_json::Map<String, serde_json::Value>,
    /// Additional request headers.
    #[serde(default)]
    pub headers: Headers,
    /// Connection to the server.
    #[serde(default)]
    pub connection: ConnectionSpec,
    /// Server to start before the sweep, and to stop after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serve: Option<ServeSpec>,
}

/// Requests of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OpenaiApi {
    /// `POST {base_url}/chat/completions`, with messages.
    #[default]
    Chat,
    /// `POST {base_url}/completions`, with the question as a plain prompt.
    Completions,
}

impl OpenaiSpec {
    /// Creates a streamed chat with a model, with defaults for all else.
    pub fn of(base_url: Address, model: &str) -> Self {
        Self {
            base_url,
            model: model.to_owned(),
            api: OpenaiApi::default(),
            api_key: None,
            stream: yes(),
            timeout: default_timeout(),
            system: None,
            messages_key: None,
            tools_key: None,
            max_tokens: None,
            temperature: None,
            extra_body: serde_json::Map::new(),
            headers: Headers::new(),
            connection: ConnectionSpec::default(),
            serve: None,
        }
    }
}
