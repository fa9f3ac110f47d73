//! The JSON schema of the spec, for editors and checks.

use super::Spec;
use serde_json::{Value, json};

/// Returns the JSON schema (draft 2020-12) of a spec file.
pub fn json_schema() -> Value {
    let mut schema = schemars::schema_for!(Spec).to_value();
    // These are gone before a spec has types, so no type can describe them.
    let parts = [
        (
            "include",
            json!({
                "description": "Files to lay this spec over, in order; relative to this file",
                "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
            }),
        ),
        (
            "vars",
            json!({
                "description": "Values for ${vars.NAME}",
                "type": "object",
            }),
        ),
        (
            "matrix",
            json!({
                "description": "A spec for every combination: keys with lists of values, or named \
                                choices that set several keys",
                "type": "object",
                "additionalProperties": {
                    "anyOf": [
                        { "type": "array", "minItems": 1 },
                        { "type": "object", "additionalProperties": { "type": "object" } },
                    ],
                },
            }),
        ),
        (
            "profiles",
            json!({
                "description": "Parts of a spec by name, picked with --profile",
                "type": "object",
                "additionalProperties": { "type": "object" },
            }),
        ),
    ];
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.extend(parts.map(|(key, value)| (key.to_owned(), value)));
    }
    schema.sort_all_objects();
    schema
}
