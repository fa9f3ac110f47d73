//! Text that may hold secrets: kept as references until the moment it is sent.

use super::interpolate::{Env, Piece, ReferenceError, pieces, resolve_all};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::fmt;

/// Names under which the spec's decoder recognises the two types of this file and leaves their
/// references alone.
pub(super) const SECRET: &str = "$sizer::Secret";
pub(super) const ADDRESS: &str = "$sizer::Address";

/// A value by reference, such as `Bearer ${env:TOKEN}`. What is stored, hashed and shown is the
/// reference; [`Secret::reveal`] gives the value.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The value, with every reference looked up.
    pub fn reveal(&self, env: &Env<'_>) -> Result<String, ReferenceError> {
        resolve_all(&self.0, env)
    }

    /// The text as it may be shown and stored.
    pub fn public(&self) -> &str {
        &self.0
    }

    /// Whether the text holds at least one reference.
    pub fn is_reference(&self) -> bool {
        pieces(&self.0).is_ok_and(|pieces| pieces.iter().any(|p| matches!(p, Piece::Env(_))))
    }

    /// Whether a text stands in for a reference that leads nowhere: that is no secret any more.
    pub(super) fn has_default(&self) -> bool {
        let default = |piece: &Piece<'_>| matches!(piece, Piece::Env(it) if it.has_default());
        pieces(&self.0).is_ok_and(|pieces| pieces.iter().any(default))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_reference() { f.write_str(&self.0) } else { f.write_str("***") }
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(SECRET, TextVisitor).map(Self)
    }
}

/// The address of a server. References to secrets (a password) stay references; others are looked
/// up when the spec is read, since another server is another measurement.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Address(String);

impl Address {
    /// The address as it may be shown and stored.
    pub fn public(&self) -> &str {
        &self.0
    }

    /// The address to connect to.
    pub fn reveal(&self, env: &Env<'_>) -> Result<String, ReferenceError> {
        resolve_all(&self.0, env)
    }
}

impl From<String> for Address {
    fn from(address: String) -> Self {
        Self(address)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::redact::redact(&self.0))
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(ADDRESS, TextVisitor).map(Self)
    }
}

struct TextVisitor;

impl serde::de::Visitor<'_> for TextVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

macro_rules! text_schema {
    ($type:ty, $description:literal) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                schemars::json_schema!({ "type": "string", "description": $description })
            }
        }
    };
}

text_schema!(Secret, "A value by reference: ${env:NAME}");
text_schema!(Address, "A URL; a password in it by reference: http://user:${env:PASSWORD}@host/v1");
