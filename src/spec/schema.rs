//! The JSON schema of the spec, for editors and checks.

use super::{Extensions, Spec};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

impl Extensions {
    /// Returns the JSON schema (draft 2020-12) of a spec file that can name them.
    pub fn json_schema(&self) -> Value {
        let mut generator = SchemaGenerator::default();
        let kinds = self.kinds().iter().map(|kind| kind.schema(&mut generator));
        let kinds: Vec<Value> = kinds.map(Schema::to_value).collect();
        let methods = self.methods().iter().map(|method| json!({ "const": method.name.key() }));
        let reports = self.reports().iter().map(|report| json!(report.name));
        let mut schema = generator.into_root_schema_for::<Spec>().to_value();
        for (at, added) in [
            ("/$defs/WorkflowSpec/oneOf", kinds),
            ("/$defs/MethodName/oneOf", methods.collect()),
            ("/$defs/Report/anyOf/0/enum", reports.collect()),
        ] {
            if let Some(Value::Array(known)) = schema.pointer_mut(at) {
                known.extend(added);
            }
        }
        with_parts(schema)
    }
}

/// Adds the keys that are gone before a spec has types.
fn with_parts(mut schema: Value) -> Value {
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
