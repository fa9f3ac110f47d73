//! `type: http`.

use super::access::Headers;
use super::defaults::default_timeout;
use super::{ConnectionSpec, LlmSpec, ServeSpec};
use crate::spec::{Address, Seconds, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Any service that answers HTTP requests. Path and query of `url`, `headers` and `body` are
/// minijinja templates over the item: `{{ item.id }}`, `{{ item.input }}`, and `{{ item.NAME }}`
/// for every other key of its entry in the dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpSpec {
    /// Where requests go, such as `http://localhost:8000/ask?id={{ item.id | urlencode }}`.
    pub url: Address,
    /// The request's method.
    #[serde(default = "post")]
    pub method: String,
    /// A bearer token, by reference: `${env:API_KEY}`.
    #[serde(default)]
    pub api_key: Option<Secret>,
    /// Request headers; JSON is assumed where none says what the body is.
    #[serde(default)]
    pub headers: Headers,
    /// The request's body, such as `{"question": {{ item.input | tojson }}}`.
    #[serde(default)]
    pub body: Option<String>,
    /// Whether the answer streams: the run is then one LLM call, and every piece of the body that
    /// arrives a token of it.
    #[serde(default)]
    pub stream: bool,
    /// What makes an answer a success.
    #[serde(default)]
    pub success: SuccessRule,
    /// Longest time that a run may take.
    #[serde(default = "default_timeout")]
    pub timeout: Seconds,
    /// How the server is reached.
    #[serde(default)]
    pub connection: ConnectionSpec,
    /// The LLM servers behind it, to record its calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub llm: Option<LlmSpec>,
    /// A server to start before the sweep, and to stop after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serve: Option<ServeSpec>,
}

/// What makes an answer a success; all that is given has to hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SuccessRule {
    /// Its status is one of these; without any, between 200 and 299.
    pub status: Vec<u16>,
    /// Its body is JSON, and this pointer (RFC 6901) leads to something, such as `/answer/0`.
    pub pointer: Option<String>,
    /// What stands there.
    pub equals: Option<serde_json::Value>,
    /// This regular expression is found in its body.
    pub regex: Option<String>,
}

impl SuccessRule {
    /// Whether the body has to be looked at.
    pub fn reads_the_body(&self) -> bool {
        self.pointer.is_some() || self.regex.is_some()
    }
}

fn post() -> String {
    "POST".to_owned()
}
