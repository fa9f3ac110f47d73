//! Text that may hold secrets: kept as references until the moment it is sent, and known to a
//! [`Redactor`] from then on.

use super::interpolate::{Env, Piece, Reference, ReferenceError, pieces};
use crate::redact::Redactor;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// Name under which the spec's decoder recognises the type of this file and leaves its references
/// alone.
pub(super) const SECRET: &str = "$sizer::Secret";

/// Where references lead, and who hears of every secret that is looked up.
#[derive(Clone)]
pub struct Vault<'a> {
    env: &'a Env<'a>,
    redactor: Redactor,
}

impl<'a> Vault<'a> {
    /// A vault whose secrets the redactor gets to know.
    pub fn new(env: &'a Env<'a>, redactor: &Redactor) -> Self {
        Self { env, redactor: redactor.clone() }
    }

    /// Knows every secret that was revealed.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// The value of a reference that stands where secrets can stand.
    pub(super) fn value(&self, reference: &Reference<'_>) -> Result<String, ReferenceError> {
        let value = reference.reveal(self.env)?;
        if reference.is_secret() {
            self.redactor.add(&value);
        } else {
            self.redactor.add_guess(&value);
        }
        Ok(value)
    }

    /// The value of a reference that is no secret.
    pub(super) fn plain(&self, reference: &Reference<'_>) -> Result<String, ReferenceError> {
        reference.reveal(self.env)
    }
}

/// A value by reference, such as `Bearer ${env:TOKEN}`. What is stored, hashed and shown is the
/// reference; [`Secret::reveal`] gives the value.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The value, with every reference looked up.
    pub fn reveal(&self, vault: &Vault<'_>) -> Result<String, ReferenceError> {
        let pieces = pieces(&self.0)?.into_iter();
        pieces
            .map(|piece| match piece {
                Piece::Text(text) => Ok(text.to_owned()),
                Piece::Env(reference) => vault.value(&reference),
            })
            .collect()
    }

    /// The value as a template, with numbers in the place of what references lead to: that is no
    /// template, whatever it holds. The numbers with their values come with it.
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

/// The schema of a type that is written as a text.
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
