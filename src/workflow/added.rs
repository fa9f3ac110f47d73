//! Kinds of workflow that a program adds.

use super::{Kind, WorkflowSpec};
use crate::language::{Env, Node, SpecError, decode};
use schemars::{Schema, SchemaGenerator};
use serde::de::{self, IgnoredAny, VariantAccess};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;

/// A kind of workflow that a program adds.
#[derive(Clone, Copy)]
pub struct AddedKind {
    name: &'static str,
    decode: fn(&Node, &Env<'_>) -> Result<WorkflowSpec, SpecError>,
    schema: fn(&mut SchemaGenerator) -> Schema,
}

impl AddedKind {
    /// Creates the entry of a kind.
    pub fn of<K: Kind>() -> Self {
        let decode = |node: &Node, env: &Env<'_>| {
            decode(node, env).map(|Section::<K> { workflow: TaggedConfig(config) }| config.into())
        };
        Self { name: K::NAME, decode, schema: super::kinds::schema_of::<K> }
    }

    /// Returns the value of the key `type`.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Returns the schema of its section of a spec.
    pub(crate) fn schema(self, generator: &mut SchemaGenerator) -> Schema {
        (self.schema)(generator)
    }

    /// Decodes its section of a spec, which is all that there is of the tree.
    pub(crate) fn decode(self, node: &Node, env: &Env<'_>) -> Result<WorkflowSpec, SpecError> {
        (self.decode)(node, env)
    }
}

impl fmt::Debug for AddedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AddedKind").field(&self.name).finish()
    }
}

/// A spec with nothing but its workflow.
#[derive(Deserialize)]
#[serde(bound = "K: Kind")]
struct Section<K> {
    workflow: TaggedConfig<K>,
}

/// A configuration in a map whose key `type` is known already.
struct TaggedConfig<K>(K);

impl<'de, K: Kind> Deserialize<'de> for TaggedConfig<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_enum("WorkflowSpec", &[], TaggedVisitor(PhantomData))
    }
}

struct TaggedVisitor<K>(PhantomData<K>);

impl<'de, K: Kind> de::Visitor<'de> for TaggedVisitor<K> {
    type Value = TaggedConfig<K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a workflow with its `type`")
    }

    fn visit_enum<A: de::EnumAccess<'de>>(self, access: A) -> Result<TaggedConfig<K>, A::Error> {
        let (IgnoredAny, content) = access.variant()?;
        content.newtype_variant().map(TaggedConfig)
    }
}
