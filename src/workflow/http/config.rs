//! `type: http`.

use crate::language::{Address, Seconds, Secret};
use crate::workflow::defaults::default_timeout;
use crate::workflow::{ConnectionSpec, Headers, LlmSpec, ServeSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Any service that answers HTTP requests. Path and query of `url`, `headers` and `body` are
/// minijinja templates over the item: `{{ item.id }}`, `{{ item.input }}`, and `{{ item.NAME }}`
/// for every other key of its entry in the dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpSpec {
    /// Address of the requests, such as `http://localhost:8000/ask?id={{ item.id | urlencode }}`.
    pub url: Address,
    /// HTTP method.
    #[serde(default = "post")]
    pub method: String,
    /// Bearer token, by reference: `${env:API_KEY}`.
    #[serde(default)]
    pub api_key: Option<Secret>,
    /// Request headers; JSON is assumed if none tells the type of the body.
    #[serde(default)]
    pub headers: Headers,
    /// Request body, such as `{"question": {{ item.input | tojson }}}`.
    #[serde(default)]
    pub body: Option<String>,
    /// Treat the answer as a stream: the run is then one LLM call, and every chunk of the body that
    /// arrives one of its tokens.
    #[serde(default)]
    pub stream: bool,
    /// Conditions for an answer to be a success.
    #[serde(default)]
    pub success: SuccessRule,
    /// Longest time that a run may take.
    #[serde(default = "default_timeout")]
    pub timeout: Seconds,
    /// Connection to the server.
    #[serde(default)]
    pub connection: ConnectionSpec,
    /// LLM servers behind it, to record its calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub llm: Option<LlmSpec>,
    /// Server to start before the sweep, and to stop after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serve: Option<ServeSpec>,
}

/// Conditions for an answer to be a success; all that are given have to hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SuccessRule {
    /// Accepted statuses; by default, those between 200 and 299.
    pub status: Vec<u16>,
    /// JSON pointer (RFC 6901) that has to exist in the body, such as `/answer/0`.
    pub pointer: Option<String>,
    /// Required value at the pointer.
    pub equals: Option<serde_json::Value>,
    /// Regular expression that has to match the body.
    pub regex: Option<String>,
}

impl SuccessRule {
    /// Returns true if the body has to be examined.
    pub fn reads_the_body(&self) -> bool {
        self.pointer.is_some() || self.regex.is_some()
    }
}

fn post() -> String {
    "POST".to_owned()
}
