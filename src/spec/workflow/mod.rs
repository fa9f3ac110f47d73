//! The spec's `workflow`: one file per kind of system under test.

mod nat;
mod openai;
mod simulator;

pub use nat::NatSpec;
pub use openai::OpenaiSpec;
pub use simulator::{Agent, Engine, Fault, FaultKind, Length, Protocol, SimulatorSpec};

use super::{Address, Seconds, Secret};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use std::fmt;

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
    /// An embedded LLM server.
    Simulator(Box<SimulatorSpec>),
}

/// The kinds by name, with the types that hold their keys.
#[derive(Deserialize)]
#[serde(variant_identifier, rename_all = "snake_case")]
enum Kind {
    Openai,
    Nat,
    Simulator,
}

impl<'de> Deserialize<'de> for WorkflowSpec {
    // By hand: serde's own tagged enums forget positions, and then no error has a line.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const KINDS: &[&str] = &["openai", "nat", "simulator"];
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
            Kind::Nat => content.newtype_variant().map(WorkflowSpec::Nat),
            Kind::Simulator => content.newtype_variant().map(WorkflowSpec::Simulator),
        }
    }
}

impl WorkflowSpec {
    /// The server's address, where the spec names one.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Openai(spec) => Some(&spec.base_url),
            Self::Nat(spec) => Some(&spec.base_url),
            Self::Simulator(_) => None,
        }
    }

    /// Longest time that a run may take.
    pub fn timeout(&self) -> Seconds {
        match self {
            Self::Openai(spec) => spec.timeout,
            Self::Nat(spec) => spec.timeout,
            Self::Simulator(spec) => spec.timeout,
        }
    }

    /// All secrets with their paths in the spec.
    pub fn secrets(&self) -> Vec<(String, &Secret)> {
        let (api_key, headers) = match self {
            Self::Openai(spec) => (spec.api_key.as_ref(), Some(&spec.headers)),
            Self::Nat(spec) => (spec.api_key.as_ref(), Some(&spec.headers)),
            Self::Simulator(_) => (None, None),
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
