//! The configuration of a workflow as a spec has it, and everything that the rest of sizer wants
//! to know of a kind.

use super::access::of_access;
use super::defaults::default_timeout;
use super::recorded::RecordedSpec;
use super::server_keys::ServerKeys;
use super::{ConnectError, ConnectionSpec, LlmSpec, ProgramSpec, ServeSpec, Workflow};
use crate::language::{Address, Check, Checker, Seconds, Secret, Vault};
use crate::measure::Fields;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::any::Any;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A kind of workflow: a configuration with the name by which specs know it.
pub trait Kind: WorkflowConfig + DeserializeOwned + JsonSchema {
    /// Value of the key `type`.
    const NAME: &'static str;
    /// Description in the JSON schema of the spec.
    const DESCRIPTION: &'static str;
}

/// Configuration of a workflow: its keys in a spec, and what follows from them.
///
/// Only [`client`](Self::client) has to be there; everything else has a default for a workflow
/// that is asked over no network, needs no secret, and takes nothing but the question of an item.
pub trait WorkflowConfig: ErasedConfig {
    /// Checks what types cannot express. What all kinds have in common (addresses, secrets,
    /// connections, servers) is checked before.
    fn validate(&self, _checker: &Checker<'_>) -> Check {
        Ok(())
    }

    /// Returns the keys of a workflow that asks one server. The other methods on servers follow from them.
    fn server(&self) -> Option<ServerKeys<'_>> {
        None
    }

    /// Returns the server's address with its key, if the spec names one.
    fn address(&self) -> Option<(&'static str, &Address)> {
        self.server().map(|server| server.address)
    }

    /// Returns the options for connecting to the server.
    fn connection(&self) -> Option<&ConnectionSpec> {
        self.server().map(|server| server.connection)
    }

    /// Returns the LLM servers behind it, if their calls are recorded by the proxy.
    fn llm(&self) -> Option<&LlmSpec> {
        None
    }

    /// Returns the server that is started for it.
    fn serve(&self) -> Option<&ServeSpec> {
        self.server().and_then(|server| server.serve)
    }

    /// Returns the program that is started for it, or that it is.
    fn program(&self) -> Option<ProgramSpec<'_>> {
        self.serve().map(ServeSpec::program)
    }

    /// Returns the configuration of the reference that it runs.
    fn configuration(&self) -> Option<&Path> {
        None
    }

    /// Returns the software on this machine that runs it, with its version; `None` if there is none, or it is not
    /// found. Relative paths are relative to `base_dir`.
    fn runs_in(&self, _base_dir: &Path) -> Option<String> {
        None
    }

    /// Returns its keys that change nothing about what is measured, besides those that kinds have in common. Files
    /// are identified by their content instead.
    fn beside(&self) -> &[&'static str] {
        &[]
    }

    /// Returns its own secrets with their paths in the spec; those of `llm` and `serve` are added.
    fn own_secrets(&self) -> Vec<(String, &Secret)> {
        let Some(ServerKeys { api_key, headers, .. }) = self.server() else { return Vec::new() };
        of_access("workflow", api_key, headers)
    }

    /// Returns the longest time that a run may take.
    fn timeout(&self) -> Seconds {
        self.server().map_or_else(default_timeout, |server| server.timeout)
    }

    /// Returns true if a run needs a question.
    fn needs_dataset(&self) -> bool {
        true
    }

    /// Returns the path of the first key that takes something from the item, of a workflow that
    /// can do without a dataset.
    fn use_of_item(&self) -> Option<String> {
        None
    }

    /// Returns the keys of a dataset's entry that a run needs besides id and question.
    fn fields(&self) -> Fields {
        Fields::Named(Vec::new())
    }

    /// Returns the key of an entry that can stand in for its question.
    fn instead_of_question(&self) -> Option<&str> {
        None
    }

    /// Returns what its runs load on this machine, by name: two workflows with a name in common
    /// are never measured at the same time. Servers are told apart by their addresses.
    fn resources(&self) -> Vec<&'static str> {
        self.serve().map(|_| THIS_MACHINE).into_iter().collect()
    }

    /// Returns the number of files that a run has open while it is in flight, unless all runs
    /// share a connection.
    fn files_per_run(&self) -> u64 {
        // With a proxy, both sides of it.
        if self.llm().is_some() { 4 } else { 1 }
    }

    /// Returns the reason why several processes cannot share the load, if each would start a
    /// server of its own.
    fn own_server(&self) -> Option<&'static str> {
        self.serve().map(|_| "`serve` starts a server")
    }

    /// Returns the LLM servers that a chain in its place would ask.
    fn traced_servers(&self) -> Option<LlmSpec> {
        self.llm().map(|llm| LlmSpec { port: 0, bodies: None, ..llm.clone() })
    }

    /// Returns false if no answer is streamed, so that nothing shows when its tokens arrive.
    fn streams(&self) -> bool {
        true
    }

    /// Returns the model of calls that name none.
    fn model(&self) -> Option<&str> {
        None
    }

    /// Returns true if processes stay from run to run, false if each run is a process; `None` if
    /// runs are no processes of this machine.
    fn keeps_processes(&self) -> Option<bool> {
        None
    }

    /// Returns the recording, if nothing is measured.
    fn recorded(&self) -> Option<&RecordedSpec> {
        None
    }

    /// Finds mistakes that only the client can recognise, such as broken templates. Asks no server.
    fn check_client(&self, _base_dir: &Path, _vault: &Vault<'_>) -> Result<(), ConnectError> {
        Ok(())
    }

    /// Prepares a client. Called within a tokio runtime; relative paths are relative to `base_dir`.
    fn client(&self, base_dir: &Path, vault: &Vault<'_>)
    -> Result<Arc<dyn Workflow>, ConnectError>;
}

/// Resource of programs that run here.
pub(super) const THIS_MACHINE: &str = "this machine";

/// Resource of workflows within this process: they share its cores.
pub(super) const THIS_PROCESS: &str = "this process";

/// Everything about a configuration that follows from its type.
pub trait ErasedConfig: Any + fmt::Debug + Send + Sync {
    /// Returns its keys as JSON.
    fn to_json(&self) -> Result<Value, serde_json::Error>;

    /// Returns true if another is of the same type and equal.
    fn equals(&self, other: &dyn Any) -> bool;
}

impl<T: Any + fmt::Debug + PartialEq + Serialize + Send + Sync> ErasedConfig for T {
    fn to_json(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self)
    }

    fn equals(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<T>().is_some_and(|other| other == self)
    }
}
