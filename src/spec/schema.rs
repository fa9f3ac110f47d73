//! The JSON schema of the spec, for editors and checks.

use super::Spec;

/// The JSON schema (draft 2020-12) of a spec file.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Spec).to_value()
}
