//! The spec's `workflow`: a configuration of any kind, with what all kinds have in common.

use super::access::of_env;
use super::local::ServedWorkflow;
use super::{
    ConnectError, ConnectionSpec, HttpProtocol, Kind, LlmSpec, RedactedWorkflow, WorkflowConfig,
};
use crate::language::{Address, Check, Checker, Secret, Vault};
use crate::redact::Redactor;
use serde::ser::{Error, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::any::Any;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

/// System under test; the key `type` tells its kind.
#[derive(Clone, Debug)]
pub struct WorkflowSpec {
    kind: &'static str,
    config: Arc<dyn WorkflowConfig>,
}

impl<K: Kind> From<K> for WorkflowSpec {
    fn from(config: K) -> Self {
        Self { kind: K::NAME, config: Arc::new(config) }
    }
}

impl Deref for WorkflowSpec {
    type Target = dyn WorkflowConfig;

    fn deref(&self) -> &Self::Target {
        &*self.config
    }
}

impl PartialEq for WorkflowSpec {
    fn eq(&self, other: &Self) -> bool {
        let config: &dyn Any = &*other.config;
        self.config.equals(config)
    }
}

impl Serialize for WorkflowSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Value::Object(keys) = self.config.to_json().map_err(S::Error::custom)? else {
            return Err(S::Error::custom("a workflow is a map of keys"));
        };
        let mut map = serializer.serialize_map(Some(1 + keys.len()))?;
        map.serialize_entry("type", self.kind)?;
        for (key, value) in &keys {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl WorkflowSpec {
    /// Returns its configuration, if it is of this kind.
    pub fn of_kind<K: Kind>(&self) -> Option<&K> {
        let config: &dyn Any = &*self.config;
        config.downcast_ref()
    }

    /// Returns all servers that it asks, with their paths in the spec.
    pub fn addresses(&self) -> Vec<(String, &Address)> {
        let own = self.address().map(|(key, address)| (format!("workflow.{key}"), address));
        let ready = self.serve().and_then(|serve| serve.ready.as_ref());
        let ready = ready.map(|address| ("workflow.serve.ready".to_owned(), address));
        let behind = self.llm().map_or_else(Vec::new, LlmSpec::addresses);
        own.into_iter().chain(ready).chain(behind).collect()
    }

    /// Returns all connection options, with their paths in the spec.
    pub fn connections(&self) -> impl Iterator<Item = (&'static str, &ConnectionSpec)> {
        let own = self.connection().map(|connection| ("workflow.connection", connection));
        let llm = self.llm().map(|llm| ("workflow.llm.connection", &llm.connection));
        own.into_iter().chain(llm)
    }

    /// Returns all secrets with their paths in the spec.
    pub fn secrets(&self) -> Vec<(String, &Secret)> {
        let serve = self.serve().map(|serve| of_env("workflow.serve", &serve.env));
        let llm = self.llm().map(LlmSpec::secrets);
        self.own_secrets()
            .into_iter()
            .chain(serve.into_iter().flatten())
            .chain(llm.into_iter().flatten())
            .collect()
    }

    /// Returns the number of files that each run has open while it is in flight.
    pub fn open_files_per_run(&self) -> u64 {
        match self.connection().map(|connection| connection.protocol) {
            // All runs share a connection.
            Some(HttpProtocol::Http2) => 0,
            _ => self.files_per_run(),
        }
    }

    /// Checks what types cannot express.
    pub(crate) fn check(&self, checker: &Checker<'_>) -> Check {
        checker.ensure(
            self.timeout().get() > 0.0,
            "workflow.timeout",
            "no run can end within 0 s",
            "300s is the default",
        )?;
        for (path, address) in self.addresses() {
            checker.address(&path, address.public())?;
        }
        for (at, connection) in self.connections() {
            connection.validate(at, checker)?;
        }
        for (path, secret) in self.secrets() {
            checker.secret(&path, secret)?;
        }
        if let Some(llm) = self.llm() {
            llm.validate(checker)?;
        }
        if let Some(serve) = self.serve() {
            serve.validate(checker)?;
        }
        self.validate(checker)
    }

    /// Finds mistakes that only the client can recognise, such as broken templates. Asks no server
    /// and needs no secret.
    pub(crate) fn check_offline(&self, base_dir: &Path) -> Result<(), ConnectError> {
        let env = |_: &str| Some("x".to_owned());
        let vault = Vault::new(&env, &Redactor::apart());
        if let Some(serve) = self.serve() {
            ServedWorkflow::program(serve, base_dir, &vault)?;
        }
        self.check_client(base_dir, &vault)
    }

    /// Prepares a client. Secrets are looked up here and live no longer than the client does. The
    /// vault's redactor learns them, and every run is cleared of them.
    ///
    /// Relative paths are relative to `base_dir`.
    pub(crate) fn connect(
        &self,
        base_dir: &Path,
        vault: &Vault<'_>,
    ) -> Result<Arc<RedactedWorkflow>, ConnectError> {
        let workflow = self.client(base_dir, vault)?;
        Ok(Arc::new(RedactedWorkflow::new(workflow, vault.redactor().clone())))
    }
}
