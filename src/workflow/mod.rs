//! Systems under test: a folder per kind of workflow, with its keys, its checks and its client.
//!
//! A [`WorkflowSpec`] is the spec's section `workflow`: the configuration of some [`Kind`], behind the trait
//! [`WorkflowConfig`], which answers whatever the rest of sizer wants to know of it. `kinds` registers them.
//! [`WorkflowSpec::connect`] makes a client, behind the trait [`Workflow`]. A level then calls
//! [`prepare`](Workflow::prepare) once, [`run`](Workflow::run) for every item, timed on the level's [`Clock`],
//! and after the last level [`close`](Workflow::close). A run never fails as a call: what went wrong is part of
//! its record.
//!
//! | kind | client | what a run is |
//! |---|---|---|
//! | `openai` | [`openai::Openai`] | one chat completion |
//! | `nat` | [`nat::Nat`] | one `POST /generate/full` to a NeMo Agent Toolkit workflow, of a server or of a host that is started |
//! | `http` | [`http::Http`] | one request built from templates |
//! | `command` | [`command::Command`] | a process, or a line of JSON to a worker that stays |
//! | `chain` | [`chain::Chain`] | the steps of an agent: LLM calls, tools and pauses |
//! | `simulator` | [`simulator::SimulatedWorkflow`] | a request to an embedded LLM server |
//!
//! Two kinds have no client: `recorded` runs were measured elsewhere, and a Rust program passes a workflow of
//! its own to `Pipeline::with_workflow`. [`local::ServedWorkflow`] wraps a client whose spec starts its server
//! (`serve`), and [`RedactedWorkflow`] wraps every client, so that nothing is recorded before secrets are removed.
//!
//! Shared by the kinds: keys (`access`, `connection`, `llm`, and `serve` of `local`), `transport` (HTTP client:
//! connections, retries, TLS, kinds of failure), `proxy` (a recording proxy in front of the LLM), `events` and
//! `lines` (stream parsers), `template` (request templates), `budget` (memory for bodies). Answers of LLM servers
//! are parsed leniently (`loose`, `mended`): only what is measured has to be right.

mod access;
mod added;
mod budget;
pub mod chain;
mod clock;
pub mod command;
mod config;
mod connection;
pub mod custom;
mod defaults;
mod error;
mod error_detector;
mod events;
mod hosts;
pub mod http;
mod kinds;
mod lines;
mod llm;
pub mod local;
mod loose;
mod mended;
pub mod nat;
pub mod openai;
mod private;
mod proxy;
pub mod recorded;
mod redacted;
mod section;
mod server_keys;
pub mod simulator;
mod system;
mod template;
mod transport;

pub use access::{Headers, Variables};
pub use added::AddedKind;
pub use clock::Clock;
pub use config::{ErasedConfig, Kind, WorkflowConfig};
pub use connection::{ConnectionSpec, HttpProtocol};
pub use error::ConnectError;
pub(crate) use kinds::NAMES as KIND_NAMES;
pub use llm::{LlmSpec, UpstreamSpec};
pub use local::{ProgramSpec, ServeSpec};
pub use redacted::RedactedWorkflow;
pub use section::WorkflowSpec;
pub use server_keys::ServerKeys;
pub use system::{BoxFuture, Workflow};

/// Entry points for the fuzz targets.
#[cfg(fuzzing)]
pub mod fuzzing {
    use super::template::Template;
    use super::{nat, openai, proxy};
    use crate::measure::Item;
    use serde_json::json;

    /// Parses a stream of chat completions in one piece and in chunks; both must give the same.
    pub fn chat_stream(data: &[u8]) {
        let whole = openai::read_stream(data, data.len().max(1));
        assert_eq!(openai::read_stream(data, 1 + data.len() % 7), whole);
    }

    /// Events of an event stream cut into chunks of this length: names and data.
    pub fn events(data: &[u8], piece: usize) -> Vec<(String, String)> {
        super::events::events_of(&data.chunks(piece.max(1)).collect::<Vec<_>>())
    }

    /// Parses a stream of `/generate/full` in one piece and in chunks; both must give the same.
    pub fn nat_stream(data: &[u8]) {
        let whole = nat::read_stream(data, data.len().max(1));
        assert_eq!(nat::read_stream(data, 1 + data.len() % 7), whole);
    }

    /// Renders a request template with an item, if it is valid.
    pub fn template(text: &str) {
        let Ok(template) = Template::new("body", text) else { return };
        let fields = json!({ "n": 7, "tags": ["a", "b"], "nested": { "key": 1.5, "none": null } });
        let serde_json::Value::Object(fields) = fields else { return };
        let _ =
            template.render(&Item { id: "1".to_owned(), input: "say \"hi\"".to_owned(), fields });
    }

    /// Parses the heads of requests to the recording proxy.
    pub fn proxy_head(data: &[u8]) {
        proxy::read_heads(data);
    }
}
