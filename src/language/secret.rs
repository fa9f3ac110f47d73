//! Texts that may hold secrets: kept as references until they are sent, and known to a [`Redactor`]
//! from then on.

use super::interpolate::{Env, Piece, Reference, ReferenceError, pieces};
use crate::redact::Redactor;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// Newtype name by which the spec's decoder recognises a [`Secret`], whose references it leaves
/// alone.
pub(super) const SECRET: &str = "$sizer::Secret";

/// Environment from which secrets are revealed, with the redactor that learns each of them.
#[derive(Clone)]
pub struct Vault<'a> {
    env: &'a Env<'a>,
    redactor: Redactor,
}

impl<'a> Vault<'a> {
    /// Creates a vault that adds revealed secrets to a redactor.
    pub(crate) fn new(env: &'a Env<'a>, redactor: &Redactor) -> Self {
        Self { env, redactor: redactor.clone() }
    }

    /// Returns the redactor that knows every secret revealed.
    pub(crate) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Reveals a reference in a field that allows secrets.
    pub(super) fn value(&self, reference: &Reference<'_>) -> Result<String, ReferenceError> {
        let value = reference.reveal(self.env)?;
        if reference.is_secret() {
            self.redactor.add(&value);
        } else {
            self.redactor.add_guess(&value);
        }
        Ok(value)
    }

    /// Resolves a reference that is not a secret.
    pub(super) fn plain(&self, reference: &Reference<'_>) -> Result<String, ReferenceError> {
        reference.reveal(self.env)
    }
}

/// A value by reference, such as `Bearer ${env:TOKEN}`. The reference is what is stored, hashed and
/// shown; [`Secret::reveal`] returns the value.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Returns the value, with every reference resolved.
    pub fn reveal(&self, vault: &Vault<'_>) -> Result<String, ReferenceError> {
        let pieces = pieces(&self.0)?.into_iter();
        pieces
            .map(|piece| match piece {
                Piece::Text(text) => Ok(text.to_owned()),
                Piece::Env(reference) => vault.value(&reference),
            })
            .collect()
    }

    /// Returns the value as a template with unique numbers in place of the references, together
    /// with these numbers and their values: a secret is never interpreted as a template, whatever
    /// it holds.
    pub fn reveal_as_template(
        &self,
        vault: &Vault<'_>,
    ) -> Result<(String, Vec<(String, String)>), ReferenceError> {
        let (mut text, mut values) = (String::new(), Vec::new());
        for piece in pieces(&self.0)? {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Env(reference) => {
                    let number = uuid::Uuid::new_v4().as_u128().to_string();
                    text.push_str(&number);
                    values.push((number, vault.value(&reference)?));
                }
            }
        }
        Ok((text, values))
    }

    /// Returns the text as it may be shown and stored.
    pub fn public(&self) -> &str {
        &self.0
    }

    /// Returns true if the text holds at least one reference.
    pub fn is_reference(&self) -> bool {
        pieces(&self.0).is_ok_and(|pieces| pieces.iter().any(|p| matches!(p, Piece::Env(_))))
    }

    /// Returns true if a reference has a default, which stands in plain text and is therefore no
    /// secret.
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

pub(super) struct TextVisitor;

impl serde::de::Visitor<'_> for TextVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

/// Implements the schema of a type that is written as a text.
macro_rules! text_schema {
    ($type:ty, $description:literal) => {
        impl schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $description })
            }
        }
    };
}

text_schema!(Secret, "A value by reference: ${env:NAME}");

pub(super) use text_schema;
