//! `type: custom`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A workflow that a Rust program hands to the pipeline itself; the command line cannot run it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomSpec {
    /// Which workflow it is.
    pub name: String,
    /// All that makes another measurement of it: a change measures the levels again. It is stored, so
    /// it holds no secret.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

impl CustomSpec {
    /// A workflow without settings.
    pub fn of(name: &str) -> Self {
        Self { name: name.to_owned(), settings: Map::new() }
    }
}
