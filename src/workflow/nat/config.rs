//! `type: nat`.

use crate::language::{Address, Seconds, Secret};
use crate::workflow::defaults::default_timeout;
use crate::workflow::{ConnectionSpec, Headers, LlmSpec, ServeSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A workflow served by NeMo Agent Toolkit (`nat serve`); its LLM calls are read from the
/// intermediate steps that it streams.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NatSpec {
    /// Address of the server, such as `http://localhost:8000`.
    pub base_url: Address,
    /// Bearer token, by reference: `${env:API_KEY}`.
    #[serde(default)]
    pub api_key: Option<Secret>,
    /// Longest time that a run may take.
    #[serde(default = "default_timeout")]
    pub timeout: Seconds,
    /// Additional request headers.
    #[serde(default)]
    pub headers: Headers,
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
