//! Deserialization of the tree into Rust types through serde, so that every type error has its
//! position.
//!
//! The deserializer adds what serde's errors lack: the innermost position that was being read when
//! the error occurred, the dotted path to it, and a suggestion for a misspelt key.

mod compound;
mod error;

pub(crate) use error::suggestion;

use compound::{Entries, Items, NodeDeserializer, TaggedMap};
use error::DecodeError;

use super::address::{self, ADDRESS};
use super::error::SpecError;
use super::interpolate::{Env, resolve_plain};
use super::secret::SECRET;
use super::tree::{Node, Value};
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};
use std::borrow::Cow;

/// Decodes a tree into a type, resolving `${env:NAME}` on the way.
pub(crate) fn decode<'de, T: de::Deserialize<'de>>(
    node: &'de Node,
    env: &Env<'_>,
) -> Result<T, SpecError> {
    T::deserialize(Reader { node, env }).map_err(|error| error.into_spec_error(node))
}

#[derive(Clone, Copy)]
struct Reader<'de, 'env> {
    node: &'de Node,
    env: &'env Env<'env>,
}

impl<'de> NodeDeserializer<'de> for Reader<'de, '_> {
    fn at(self, node: &'de Node) -> Self {
        Self { node, ..self }
    }

    fn node(self) -> &'de Node {
        self.node
    }
}

impl<'de> Reader<'de, '_> {
    /// Returns the node's text with its references resolved, and true if there were any.
    fn text(&self, text: &'de str) -> Result<(Cow<'de, str>, bool), DecodeError> {
        if text.contains("${") {
            let resolved = resolve_plain(text, self.env);
            Ok((Cow::Owned(resolved.map_err(|error| self.here(error.into()))?), true))
        } else {
            Ok((Cow::Borrowed(text), false))
        }
    }

    fn here(&self, error: DecodeError) -> DecodeError {
        error.or_at(&self.node.place)
    }

    /// Adds position and kind to an error of the visitor.
    fn found(&self, error: DecodeError) -> DecodeError {
        let fresh = error.place.is_none();
        let mut error = self.here(error);
        if fresh && error.message.starts_with("expected ") {
            error.message = format!("{}, found {}", error.message, self.node.kind());
            if let Value::Float(value) = self.node.value
                && error.message.starts_with("expected a whole number")
                && value.fract() == 0.0
            {
                let help = format!("write it as {value}, without a point or an exponent");
                error.help.get_or_insert(help);
            }
        }
        error
    }

    fn visit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let result = match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Int(value) => visitor.visit_i64(*value),
            Value::Uint(value) => visitor.visit_u64(*value),
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Str(text) => match self.text(text)? {
                (Cow::Borrowed(text), _) => visitor.visit_borrowed_str(text),
                (Cow::Owned(text), _) => visitor.visit_string(text),
            },
            Value::Seq(items) => {
                visitor.visit_seq(Items { rest: items.iter(), index: 0, reader: self })
            }
            Value::Map(entries) => visitor.visit_map(Entries::of(entries, "", false, self)),
        };
        result.map_err(|error| self.found(error))
    }

    /// Visits a number, which may be text if it comes from the environment, but not otherwise.
    fn visit_number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if let Value::Str(text) = &self.node.value
            && let (text, true) = self.text(text)?
        {
            let text = text.trim();
            let result = if let Ok(value) = text.parse::<u64>() {
                visitor.visit_u64(value)
            } else if let Ok(value) = text.parse::<f64>() {
                visitor.visit_f64(value)
            } else if let Ok(value) = text.parse::<bool>() {
                visitor.visit_bool(value)
            } else {
                visitor.visit_str(text)
            };
            return result.map_err(|error| self.found(error));
        }
        self.visit(visitor)
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            self.visit_number(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'de, '_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.visit(visitor)
    }

    numbers! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match (&self.node.value, name) {
            (Value::Str(text), SECRET) => visitor.visit_str(text),
            (Value::Str(text), ADDRESS) => match address::resolved(text, self.env) {
                Ok(text) => visitor.visit_string(text),
                Err(error) => Err(self.here(error.into())),
            },
            (_, SECRET | ADDRESS) => self.visit(visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    /// Deserializes a section; one whose keys are all commented out reads as nothing, and means its
    /// defaults.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match &self.node.value {
            Value::Map(entries) => visitor
                .visit_map(Entries::of(entries, "", true, self))
                .map_err(|error| self.found(error)),
            _ => self.visit(visitor),
        }
    }

    /// Deserializes a text as a unit variant, and a map as the variant named by its key `type`.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match &self.node.value {
            Value::Str(text) => {
                let (text, _) = self.text(text)?;
                visitor
                    .visit_enum(text.as_ref().into_deserializer())
                    .map_err(|error| self.here(error))
            }
            Value::Map(_) => {
                let Some(tag) = self.node.child("type") else {
                    let mut error = DecodeError::new("the key `type` is missing");
                    error.help = Some(format!("one of: {}", variants.join(", ")));
                    return Err(self.here(error));
                };
                let tag = self.at(tag);
                visitor
                    .visit_enum(TaggedMap { tag, content: self })
                    .map_err(|error| self.here(error))
            }
            _ => {
                let message =
                    format!("expected one of {}, found {}", variants.join(", "), self.node.kind());
                Err(self.here(DecodeError::new(message)))
            }
        }
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map
        identifier ignored_any
    }
}
