//! Systems under test: a client for each kind of workflow behind the trait [`Workflow`].
//!
//! [`connect`] turns a spec's `workflow` section into a client. A level then calls
//! [`prepare`](Workflow::prepare) once, [`run`](Workflow::run) for every item, timed on the level's [`Clock`],
//! and after the last level [`close`](Workflow::close). A run never fails as a call: what went wrong is part of
//! its record.
//!
//! | kind | client | what a run is |
//! |---|---|---|
//! | `openai` | [`openai::Openai`] | one chat completion |
//! | `nat` | [`nat::Nat`] | one `POST /generate/full` to a NeMo Agent Toolkit workflow |
//! | `http` | [`http::Http`] | one request built from templates |
//! | `command` | [`local::Command`] | a process, or a line of JSON to a worker that stays |
//! | `chain` | [`chain::Chain`] | the steps of an agent: LLM calls, tools and pauses |
//! | `simulator` | [`simulator::Simulated`] | a request to an embedded LLM server |
//!
//! Two kinds have no client: `recorded` runs were measured elsewhere, and a Rust program passes a workflow of
//! its own to `Pipeline::with_workflow`. [`local::Served`] wraps a client whose spec starts its server
//! (`serve`), and [`Redacted`] wraps every client, so that nothing is recorded before secrets are removed.
//!
//! Shared by the kinds: `transport` (HTTP client: connections, retries, TLS, kinds of failure), `proxy` (a
//! recording proxy in front of the LLM), `events` and `lines` (stream parsers), `template` (request templates),
//! `budget` (memory for bodies). Answers of LLM servers are parsed leniently (`loose`, `mended`): only what is
//! measured has to be right.

mod budget;
pub mod chain;
mod clock;
mod error;
mod events;
mod hosts;
pub mod http;
mod lines;
pub mod local;
mod loose;
mod mended;
pub mod nat;
pub mod openai;
mod private;
mod proxy;
mod redacted;
mod reported;
pub mod simulator;
mod system;
mod template;
mod transport;

pub use clock::Clock;
pub use error::ConnectError;
pub use redacted::Redacted;
pub use system::{Pending, Workflow};

use crate::redact::Redactor;
use crate::spec::{Vault, WorkflowSpec};
use proxy::Proxy;
use std::path::Path;
use std::sync::Arc;

/// Prepares a workflow. Secrets are looked up here and live no longer than the workflow does. The vault's
/// redactor learns them, and every run is cleared of them.
///
/// Relative paths are relative to `base_dir`.
pub fn connect(
    spec: &WorkflowSpec,
    base_dir: &Path,
    vault: &Vault<'_>,
) -> Result<Arc<dyn Workflow>, ConnectError> {
    let proxy = match spec {
        WorkflowSpec::Nat(_) | WorkflowSpec::Http(_) => spec.llm(),
        _ => None,
    };
    let proxy = proxy.map(|llm| Proxy::start(llm, spec.timeout(), base_dir, vault)).transpose()?;
    let proxy = proxy.map(Arc::new);
    let behind = proxy.clone();
    let workflow: Arc<dyn Workflow> = match spec {
        WorkflowSpec::Openai(spec) => Arc::new(openai::Openai::new(spec, base_dir, vault)?),
        WorkflowSpec::Nat(spec) => Arc::new(nat::Nat::new(spec, proxy, base_dir, vault)?),
        WorkflowSpec::Http(spec) => Arc::new(http::Http::new(spec, proxy, base_dir, vault)?),
        WorkflowSpec::Command(spec) => Arc::new(local::Command::new(spec, base_dir, vault)?),
        WorkflowSpec::Chain(spec) => Arc::new(chain::Chain::new(spec, base_dir, vault)?),
        WorkflowSpec::Recorded(_) => {
            let message = "what was recorded cannot be run again";
            return Err(ConnectError::Client(message.to_owned()));
        }
        WorkflowSpec::Custom(spec) => {
            let name = &spec.name;
            let message = format!(
                "`{name}` is a workflow of a Rust program, which hands it to `Pipeline::with_workflow`"
            );
            return Err(ConnectError::Client(message));
        }
        WorkflowSpec::Simulator(spec) => Arc::new(simulator::Simulated::start(spec)?),
    };
    let workflow = match spec.serve() {
        Some(serve) => {
            Arc::new(local::Served::new(serve, workflow, behind.as_deref(), base_dir, vault)?)
        }
        None => workflow,
    };
    Ok(Arc::new(Redacted::new(workflow, vault.redactor().clone())))
}

/// Finds mistakes that only the workflow itself can recognise, such as broken templates. Asks no server and
/// needs no secret.
pub fn check_spec(spec: &WorkflowSpec, base_dir: &Path) -> Result<(), ConnectError> {
    let env = |_: &str| Some("x".to_owned());
    let vault = Vault::new(&env, &Redactor::apart());
    if let Some(serve) = spec.serve() {
        local::Served::program(serve, base_dir, &vault)?;
    }
    match spec {
        WorkflowSpec::Http(spec) => http::Http::new(spec, None, base_dir, &vault).map(drop),
        WorkflowSpec::Command(spec) => local::Command::check_spec(spec, base_dir, &vault),
        WorkflowSpec::Chain(spec) => chain::Chain::new(spec, base_dir, &vault).map(drop),
        _ => Ok(()),
    }
}

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
