//! The spec's `workflow`: one file per kind of system under test.

mod connection;
mod http;
mod nat;
mod openai;
mod recorded;
mod simulator;

pub use connection::{ConnectionSpec, HttpProtocol};
pub use http::{HttpSpec, SuccessRule};
pub use nat::NatSpec;
pub use openai::{OpenaiApi, OpenaiSpec};
pub use recorded::RecordedSpec;
pub use simulator::{Agent, Engine, Fault, FaultKind, Length, Protocol, SimulatorSpec};

use super::{Address, Seconds, Secret};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use std::fmt;
use std::path::Path;

/// Header names with their values, which may be references.
pub type Headers = IndexMap<String, Secret>;

/// The system under test, told by `type`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum WorkflowSpec {
    /// An endpoint that speaks the chat completions protocol.
    Openai(OpenaiSpec),
    /// A workflow served by NeMo Agent Toolkit.
    Nat(NatSpec),
    /// Any service that answers HTTP requests.
    Http(Box<HttpSpec>),
    /// An embedded LLM server.
    Simulator(Box<SimulatorSpec>),
    /// Measurements of another load generator.
    Recorded(RecordedSpec),
}

/// The kinds by name, with the types that hold their keys.
#[derive(Deserialize)]
#[serde(variant_identifier, rename_all = "snake_case")]
enum Kind {
    Openai,
    Nat,
    Http,
    Simulator,
    Recorded,
}

impl<'de> Deserialize<'de> for WorkflowSpec {
    // By hand: serde's own tagged enums forget positions, and then no error has a line.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const KINDS: &[&str] = &["openai", "nat", "http", "simulator", "recorded"];
        deserializer.deserialize_enum("WorkflowSpec", KINDS, KindVisitor)
    }
}

struct KindVisitor;

impl<'de> de::Visitor<'de> for KindVisitor {
    type Value = WorkflowSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a workflow with its `type`")
    }

    fn visit_enum<A: de::EnumAccess<'de>>(self, access: A) -> Result<WorkflowSpec, A::Error> {
        use de::VariantAccess;
        let (kind, content) = access.variant()?;
        match kind {
            Kind::Openai => content.newtype_variant().map(WorkflowSpec::Openai),
            Kind::Recorded => content.newtype_variant().map(WorkflowSpec::Recorded),
            Kind::Http => content.newtype_variant().map(WorkflowSpec::Http),
            Kind::Nat => content.newtype_variant().map(WorkflowSpec::Nat),
            Kind::Simulator => content.newtype_variant().map(WorkflowSpec::Simulator),
        }
    }
}

/// Keys of a dataset's entry besides id and question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fields {
    /// These.
    Named(Vec<String>),
    /// All that there are.
    All,
}

impl WorkflowSpec {
    /// The server's address, where the spec names one.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Openai(spec) => Some(&spec.base_url),
            Self::Nat(spec) => Some(&spec.base_url),
            Self::Http(spec) => Some(&spec.url),
            Self::Simulator(_) | Self::Recorded(_) => None,
        }
    }

    /// The key under which the spec names it.
    pub fn address_key(&self) -> &'static str {
        match self {
            Self::Http(_) => "workflow.url",
            _ => "workflow.base_url",
        }
    }

    /// How the server is reached.
    pub fn connection(&self) -> Option<&ConnectionSpec> {
        match self {
            Self::Openai(spec) => Some(&spec.connection),
            Self::Nat(spec) => Some(&spec.connection),
            Self::Http(spec) => Some(&spec.connection),
            Self::Simulator(spec) => Some(&spec.connection),
            Self::Recorded(_) => None,
        }
    }

    /// The file of measurements, where nothing is measured.
    pub fn recorded(&self) -> Option<&Path> {
        match self {
            Self::Recorded(spec) => Some(&spec.path),
            _ => None,
        }
    }

    /// What a run needs of a dataset's entry besides id and question.
    pub fn fields(&self) -> Fields {
        match self {
            Self::Openai(spec) => {
                let keys = [&spec.messages_key, &spec.tools_key];
                Fields::Named(keys.into_iter().flatten().cloned().collect())
            }
            Self::Http(_) => Fields::All,
            Self::Nat(_) | Self::Simulator(_) | Self::Recorded(_) => Fields::Named(Vec::new()),
        }
    }

    /// The key of an entry that can stand in for its question.
    pub fn instead_of_question(&self) -> Option<&str> {
        match self {
            Self::Openai(spec) => spec.messages_key.as_deref(),
            _ => None,
        }
    }

    /// Longest time that a run may take.
    pub fn timeout(&self) -> Seconds {
        match self {
            Self::Openai(spec) => spec.timeout,
            Self::Nat(spec) => spec.timeout,
            Self::Http(spec) => spec.timeout,
            Self::Simulator(spec) => spec.timeout,
            Self::Recorded(_) => default_timeout(),
        }
    }

    /// All secrets with their paths in the spec.
    pub fn secrets(&self) -> Vec<(String, &Secret)> {
        let (api_key, headers) = match self {
            Self::Openai(spec) => (spec.api_key.as_ref(), Some(&spec.headers)),
            Self::Nat(spec) => (spec.api_key.as_ref(), Some(&spec.headers)),
            Self::Http(spec) => (spec.api_key.as_ref(), Some(&spec.headers)),
            Self::Simulator(_) | Self::Recorded(_) => (None, None),
        };
        let api_key = api_key.map(|key| ("workflow.api_key".to_owned(), key));
        let headers = headers.into_iter().flatten();
        let headers = headers.map(|(name, value)| (format!("workflow.headers.{name}"), value));
        api_key.into_iter().chain(headers).collect()
    }
}

fn default_timeout() -> Seconds {
    const FIVE_MINUTES: f64 = 300.0;
    Seconds::new(FIVE_MINUTES).unwrap_or_default()
}

fn yes() -> bool {
    true
}
