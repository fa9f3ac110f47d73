//! The spec's `workflow`: one file per kind of system under test.

mod access;
mod chain;
mod command;
mod connection;
mod custom;
mod defaults;
mod draw;
mod http;
mod llm;
mod nat;
mod openai;
mod recorded;
mod simulator;

pub use access::{Headers, Variables};
pub(in crate::spec) use chain::each_step;
pub use chain::{
    ChainSpec, Choice, HttpCall, LlmStep, Message, RepeatStep, Step, ToolStep, WhenStep,
};
pub use command::{CommandSpec, ProgramSpec, ServeSpec};
pub use connection::{ConnectionSpec, HttpProtocol};
pub use custom::CustomSpec;
pub use draw::Draw;
pub use http::{HttpSpec, SuccessRule};
pub use llm::{LlmSpec, UpstreamSpec};
pub use nat::NatSpec;
pub use openai::{OpenaiApi, OpenaiSpec};
pub use recorded::{ConcurrencySource, RecordedPaths, RecordedSpec, TimeUnit};
pub use simulator::{Agent, Engine, Fault, FaultKind, Length, Protocol, SimulatorSpec};

use super::{Address, Seconds, Secret};
use access::{of_access, of_env};
use defaults::default_timeout;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use std::fmt;

/// System under test; the key `type` tells its kind.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum WorkflowSpec {
    /// An endpoint that speaks the chat completions protocol.
    Openai(Box<OpenaiSpec>),
    /// A workflow served by NeMo Agent Toolkit.
    Nat(Box<NatSpec>),
    /// Any service that answers HTTP requests.
    Http(Box<HttpSpec>),
    /// Any program on this machine.
    Command(Box<CommandSpec>),
    /// LLM servers, under the load of an agent's calls and pauses.
    Chain(Box<ChainSpec>),
    /// An embedded LLM server.
    Simulator(Box<SimulatorSpec>),
    /// Measurements of another load generator.
    Recorded(RecordedSpec),
    /// A workflow supplied by a Rust program.
    Custom(CustomSpec),
}

/// Kinds by name.
#[derive(Deserialize)]
#[serde(variant_identifier, rename_all = "snake_case")]
enum Kind {
    Openai,
    Nat,
    Http,
    Command,
    Chain,
    Simulator,
    Recorded,
    Custom,
}

impl<'de> Deserialize<'de> for WorkflowSpec {
    // By hand: serde's own tagged enums forget positions, and then no error has a line.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const KINDS: &[&str] =
            &["openai", "nat", "http", "command", "chain", "simulator", "recorded", "custom"];
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
            Kind::Custom => content.newtype_variant().map(WorkflowSpec::Custom),
            Kind::Recorded => content.newtype_variant().map(WorkflowSpec::Recorded),
            Kind::Http => content.newtype_variant().map(WorkflowSpec::Http),
            Kind::Nat => content.newtype_variant().map(WorkflowSpec::Nat),
            Kind::Command => content.newtype_variant().map(WorkflowSpec::Command),
            Kind::Chain => content.newtype_variant().map(WorkflowSpec::Chain),
            Kind::Simulator => content.newtype_variant().map(WorkflowSpec::Simulator),
        }
    }
}

/// Keys of a dataset's entry besides id and question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fields {
    /// The listed keys.
    Named(Vec<String>),
    /// All keys of the entry.
    All,
}

impl WorkflowSpec {
    /// Returns the server's address, if the spec names one.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Openai(spec) => Some(&spec.base_url),
            Self::Nat(spec) => Some(&spec.base_url),
            Self::Http(spec) => Some(&spec.url),
            Self::Command(_)
            | Self::Chain(_)
            | Self::Simulator(_)
            | Self::Recorded(_)
            | Self::Custom(_) => None,
        }
    }

    /// Returns all servers that it asks, with their keys in the spec.
    pub fn addresses(&self) -> Vec<(String, &Address)> {
        let key = match self {
            Self::Http(_) => "workflow.url",
            _ => "workflow.base_url",
        };
        let own = self.address().map(|address| (key.to_owned(), address));
        let ready = self.serve().and_then(|serve| serve.ready.as_ref());
        let ready = ready.map(|address| ("workflow.serve.ready".to_owned(), address));
        let behind = self.llm().map_or_else(Vec::new, LlmSpec::addresses);
        own.into_iter().chain(ready).chain(behind).collect()
    }

    /// Returns the options for connecting to the server.
    pub fn connection(&self) -> Option<&ConnectionSpec> {
        match self {
            Self::Openai(spec) => Some(&spec.connection),
            Self::Nat(spec) => Some(&spec.connection),
            Self::Http(spec) => Some(&spec.connection),
            Self::Simulator(spec) => Some(&spec.connection),
            Self::Command(_) | Self::Chain(_) | Self::Recorded(_) | Self::Custom(_) => None,
        }
    }

    /// Returns all connection options, with their paths in the spec.
    pub fn connections(&self) -> impl Iterator<Item = (&'static str, &ConnectionSpec)> {
        let own = self.connection().map(|connection| ("workflow.connection", connection));
        let llm = self.llm().map(|llm| ("workflow.llm.connection", &llm.connection));
        own.into_iter().chain(llm)
    }

    /// Returns the LLM servers behind it, if their calls are recorded by the proxy.
    pub fn llm(&self) -> Option<&LlmSpec> {
        match self {
            Self::Nat(spec) => spec.llm.as_ref(),
            Self::Http(spec) => spec.llm.as_ref(),
            Self::Command(spec) => spec.llm.as_ref(),
            Self::Chain(spec) => Some(&spec.llm),
            Self::Openai(_) | Self::Simulator(_) | Self::Recorded(_) | Self::Custom(_) => None,
        }
    }

    /// Returns the server that is started for it.
    pub fn serve(&self) -> Option<&ServeSpec> {
        match self {
            Self::Openai(spec) => spec.serve.as_ref(),
            Self::Nat(spec) => spec.serve.as_ref(),
            Self::Http(spec) => spec.serve.as_ref(),
            _ => None,
        }
    }

    /// Returns the program that is started for it, or that it is.
    pub fn program(&self) -> Option<ProgramSpec<'_>> {
        match self {
            Self::Command(spec) => Some(spec.program()),
            other => other.serve().map(ServeSpec::program),
        }
    }

    /// Returns the recording, if nothing is measured.
    pub fn recorded(&self) -> Option<&RecordedSpec> {
        match self {
            Self::Recorded(spec) => Some(spec),
            _ => None,
        }
    }

    /// Returns true if a run needs a question.
    pub fn needs_dataset(&self) -> bool {
        !matches!(self, Self::Recorded(_) | Self::Chain(_))
    }

    /// Returns the keys of a dataset's entry that a run needs besides id and question.
    pub fn fields(&self) -> Fields {
        match self {
            Self::Openai(spec) => {
                let keys = [&spec.messages_key, &spec.tools_key];
                Fields::Named(keys.into_iter().flatten().cloned().collect())
            }
            Self::Http(_) | Self::Command(_) | Self::Chain(_) | Self::Custom(_) => Fields::All,
            Self::Nat(_) | Self::Simulator(_) | Self::Recorded(_) => Fields::Named(Vec::new()),
        }
    }

    /// Returns the key of an entry that can stand in for its question.
    pub fn instead_of_question(&self) -> Option<&str> {
        match self {
            Self::Openai(spec) => spec.messages_key.as_deref(),
            _ => None,
        }
    }

    /// Returns the longest time that a run may take.
    pub fn timeout(&self) -> Seconds {
        match self {
            Self::Openai(spec) => spec.timeout,
            Self::Nat(spec) => spec.timeout,
            Self::Http(spec) => spec.timeout,
            Self::Command(spec) => spec.timeout,
            Self::Chain(spec) => spec.timeout,
            Self::Simulator(spec) => spec.timeout,
            Self::Recorded(_) | Self::Custom(_) => default_timeout(),
        }
    }

    /// Returns all secrets with their paths in the spec.
    pub fn secrets(&self) -> Vec<(String, &Secret)> {
        let own = match self {
            Self::Openai(spec) => of_access("workflow", spec.api_key.as_ref(), &spec.headers),
            Self::Nat(spec) => of_access("workflow", spec.api_key.as_ref(), &spec.headers),
            Self::Http(spec) => of_access("workflow", spec.api_key.as_ref(), &spec.headers),
            Self::Command(spec) => of_env("workflow", &spec.env),
            Self::Chain(spec) => chain::secrets(&spec.steps, "workflow.steps"),
            Self::Simulator(_) | Self::Recorded(_) | Self::Custom(_) => Vec::new(),
        };
        let serve = self.serve().map(|serve| of_env("workflow.serve", &serve.env));
        let llm = self.llm().map(LlmSpec::secrets);
        own.into_iter()
            .chain(serve.into_iter().flatten())
            .chain(llm.into_iter().flatten())
            .collect()
    }
}
