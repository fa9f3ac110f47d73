//! `custom`: a workflow of a Rust program.

use super::config::THIS_PROCESS;
use super::{ConnectError, Kind, Workflow, WorkflowConfig};
use crate::language::{Check, Checker, Vault};
use crate::measure::Fields;
use crate::redact::names_a_secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::Path;
use std::sync::Arc;

/// A workflow that a Rust program passes to the pipeline itself; the command line cannot run it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomSpec {
    /// Name of the workflow.
    pub name: String,
    /// Settings that distinguish its measurements: on a change, the levels are measured again. They
    /// are stored, so they must hold no secret.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

impl CustomSpec {
    /// Creates a workflow without settings.
    pub fn of(name: &str) -> Self {
        Self { name: name.to_owned(), settings: Map::new() }
    }
}

impl Kind for CustomSpec {
    const NAME: &'static str = "custom";
    const DESCRIPTION: &'static str = "A workflow supplied by a Rust program.";
}

impl WorkflowConfig for CustomSpec {
    fn validate(&self, checker: &Checker<'_>) -> Check {
        for key in self.settings.keys().filter(|key| names_a_secret(key)) {
            checker.ensure(
                false,
                &format!("workflow.settings.{key}"),
                "this looks like a secret, and settings are stored in artifacts",
                "pass it to the workflow in code",
            )?;
        }
        Ok(())
    }

    fn fields(&self) -> Fields {
        Fields::All
    }

    fn resources(&self) -> Vec<&'static str> {
        vec![THIS_PROCESS]
    }

    fn client(&self, _: &Path, _: &Vault<'_>) -> Result<Arc<dyn Workflow>, ConnectError> {
        let name = &self.name;
        let message = format!(
            "`{name}` is a workflow of a Rust program, which passes it to `Pipeline::with_workflow`"
        );
        Err(ConnectError::Client(message))
    }
}
