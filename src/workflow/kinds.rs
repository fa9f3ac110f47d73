//! The registry of workflow kinds.

use super::{Kind, WorkflowSpec};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::fmt;

/// Registers the kinds: the order is that in which messages and the schema list them.
macro_rules! kinds {
    ($($kind:ty,)*) => {
        pub(crate) const NAMES: &[&str] = &[$(<$kind as Kind>::NAME),*];

        /// Decodes the configuration of a kind.
        fn decode<'de, A: de::VariantAccess<'de>>(
            name: &str,
            content: A,
        ) -> Result<WorkflowSpec, A::Error> {
            match name {
                $(<$kind as Kind>::NAME => {
                    content.newtype_variant::<$kind>().map(WorkflowSpec::from)
                })*
                _ => Err(de::Error::unknown_variant(name, NAMES)),
            }
        }

        fn schemas(generator: &mut SchemaGenerator) -> Vec<Schema> {
            vec![$(schema_of::<$kind>(generator)),*]
        }
    };
}

kinds! {
    super::openai::OpenaiSpec,
    super::nat::NatSpec,
    super::http::HttpSpec,
    super::command::CommandSpec,
    super::chain::ChainSpec,
    super::simulator::SimulatorSpec,
    super::recorded::RecordedSpec,
    super::custom::CustomSpec,
}

impl<'de> Deserialize<'de> for WorkflowSpec {
    // By hand: serde's own tagged enums forget positions, and then no error has a line.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_enum("WorkflowSpec", NAMES, SpecVisitor)
    }
}

struct SpecVisitor;

impl<'de> de::Visitor<'de> for SpecVisitor {
    type Value = WorkflowSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a workflow with its `type`")
    }

    fn visit_enum<A: de::EnumAccess<'de>>(self, access: A) -> Result<WorkflowSpec, A::Error> {
        let (Name(name), content) = access.variant()?;
        decode(name, content)
    }
}

/// Name of a registered kind.
struct Name(&'static str);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(NameVisitor)
    }
}

struct NameVisitor;

impl de::Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("variant identifier")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Name, E> {
        let known = NAMES.iter().find(|known| **known == name);
        known.map(|known| Name(known)).ok_or_else(|| E::unknown_variant(name, NAMES))
    }
}

impl JsonSchema for WorkflowSpec {
    fn schema_name() -> Cow<'static, str> {
        "WorkflowSpec".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "System under test; the key `type` tells its kind.",
            "oneOf": schemas(generator),
        })
    }
}

/// Returns the schema of a kind with its `type`.
pub(super) fn schema_of<K: Kind>(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = K::json_schema(generator);
    let object = schema.ensure_object();
    object.insert("description".to_owned(), K::DESCRIPTION.into());
    let properties = object.entry("properties").or_insert_with(|| json!({}));
    if let Value::Object(properties) = properties {
        properties.insert("type".to_owned(), json!({ "type": "string", "const": K::NAME }));
    }
    let required = object.entry("required").or_insert_with(|| json!([]));
    if let Value::Array(required) = required {
        required.insert(0, "type".into());
    }
    schema
}
