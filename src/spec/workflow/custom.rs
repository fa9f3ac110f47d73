//! `type: custom`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
