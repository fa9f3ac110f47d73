//! From the tree to Rust types through serde, so that every type error carries its place.
//!
//! The deserializer fills in what serde's errors lack: the innermost place that was being read
//! when the error came up, the dotted path to it, and a suggestion for a misspelt key.

use super::address::{self, ADDRESS};
use super::error::{Place, SpecError};
use super::interpolate::{Env, ReferenceError, resolve_plain};
use super::secret::SECRET;
use super::tree::{Entry, Node, Value};
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Decodes a tree into a type, looking up `${env:NAME}` on the way.
pub(super) fn decode<'de, T: de::Deserialize<'de>>(
    node: &'de Node,
    env: &Env<'_>,
) -> Result<T, SpecError> {
    T::deserialize(Reader { node, env }).map_err(|error| error.into_spec_error(node))
}

/// An error on its way up, gathering place and path.
#[derive(Debug)]
pub(super) struct DecodeError {
    message: String,
    help: Option<String>,
    place: Option<Place>,
    path: Vec<String>,
    /// The error is about this key of the map being read.
    about_key: Option<String>,
}

impl DecodeError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, place: None, path: Vec::new(), about_key: None }
    }

    fn or_at(mut self, place: &Place) -> Self {
        self.place.get_or_insert_with(|| place.clone());
        self
    }

    fn into_spec_error(self, root: &Node) -> SpecError {
        let path: Vec<&str> = self.path.iter().rev().map(String::as_str).collect();
        let message = if path.is_empty() {
            self.message
        } else {
            format!("{}: {}", path.join("."), self.message)
        };
        let error = SpecError::at(self.place.as_ref().unwrap_or(&root.place), message);
        match self.help {
            Some(help) => error.help(help),
            None => error,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        // What was found is said by the reader, which knows the kind and does not quote values.
        let expected = expected.to_string();
        let large = too_large(found, &expected);
        Self::new(large.unwrap_or_else(|| format!("expected {}", in_words(&expected))))
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        let mut error = Self::new(format!("unknown key `{field}`"));
        error.help = Some(suggestion(field, known));
        error.about_key = Some(field.to_owned());
        error
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        let mut error = Self::new(format!("`{variant}` is not known here"));
        error.help = Some(suggestion(variant, known));
        error
    }

    fn missing_field(field: &'static str) -> Self {
        let mut error = Self::new(format!("the key `{field}` is missing"));
        error.help = Some(format!("add `{field}: …` here"));
        error
    }
}

impl From<ReferenceError> for DecodeError {
    fn from(error: ReferenceError) -> Self {
        let mut decode = Self::new(error.to_string());
        decode.help = Some(error.help());
        decode
    }
}

/// serde's names of Rust types, in the words of a person who writes YAML.
fn in_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "path string" => "a text",
        "a sequence" => "a list",
        _ if expected.starts_with("struct ") => "a map",
        _ => expected,
    }
}

/// What to say of a number that is a whole one, and more than its type holds.
fn too_large(found: de::Unexpected<'_>, expected: &str) -> Option<String> {
    let most = match expected {
        "u8" => u64::from(u8::MAX),
        "u16" => u64::from(u16::MAX),
        "u32" => u64::from(u32::MAX),
        "u64" | "usize" => u64::MAX,
        "i64" => i64::MAX.unsigned_abs(),
        _ => return None,
    };
    let is_larger = match found {
        de::Unexpected::Unsigned(value) => value > most,
        de::Unexpected::Signed(value) => u64::try_from(value).is_ok_and(|value| value > most),
        de::Unexpected::Float(value) => value.fract() == 0.0 && value > most as f64,
        _ => false,
    };
    is_larger
        .then(|| format!("this number is too large: {most} is the most that can be meant here"))
}

/// "did you mean …?", or all that is known.
pub(super) fn suggestion(found: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|name| (strsim::osa_distance(found, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len().max(found.len()) / 4)
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None if known.is_empty() => "no key is known here".into(),
        None => format!("known here: {}", known.join(", ")),
    }
}

#[derive(Clone, Copy)]
struct Reader<'de, 'env> {
    node: &'de Node,
    env: &'env Env<'env>,
}

impl<'de> Reader<'de, '_> {
    /// The node's text with its references looked up, and whether there were any.
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

    /// Adds place and kind to an error of the visitor.
    fn found(&self, error: DecodeError) -> DecodeError {
        let fresh = error.place.is_none();
        let mut error = self.here(error);
        if fresh && error.message.starts_with("expected ") {
            error.message = format!("{}, found {}", error.message, self.node.kind());
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
                visitor.visit_seq(Items { rest: items.iter(), index: 0, env: self.env })
            }
            Value::Map(entries) => visitor.visit_map(Entries::of(entries, "", false, self.env)),
        };
        result.map_err(|error| self.found(error))
    }

    /// A number that came out of the environment is text; everywhere else it must not be.
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

    /// A section whose keys are all commented out reads as nothing, and means its defaults.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match &self.node.value {
            Value::Map(entries) => visitor
                .visit_map(Entries::of(entries, "", true, self.env))
                .map_err(|error| self.found(error)),
            _ => self.visit(visitor),
        }
    }

    /// A plain text is a unit variant; a map is told by its key `type` and holds the rest.
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
                let tag = Self { node: tag, env: self.env };
                visitor.visit_enum(Tagged { tag, content: self }).map_err(|error| self.here(error))
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

struct Items<'de, 'env> {
    rest: std::slice::Iter<'de, Node>,
    index: usize,
    env: &'env Env<'env>,
}

impl<'de> de::SeqAccess<'de> for Items<'de, '_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some(node) = self.rest.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(Reader { node, env: self.env }).map(Some).map_err(|mut error| {
            error.path.push(index.to_string());
            error
        })
    }
}

struct Entries<'de, 'env> {
    rest: std::slice::Iter<'de, Entry>,
    next: Option<&'de Entry>,
    /// A key that was read already (the tag of an enum).
    skip: &'static str,
    /// Whether keys without a value count as not given.
    skip_empty: bool,
    env: &'env Env<'env>,
}

impl<'de, 'env> Entries<'de, 'env> {
    fn of(
        entries: &'de [Entry],
        skip: &'static str,
        skip_empty: bool,
        env: &'env Env<'env>,
    ) -> Self {
        Self { rest: entries.iter(), next: None, skip, skip_empty, env }
    }
}

impl<'de> de::MapAccess<'de> for Entries<'de, '_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        let (skip, skip_empty) = (self.skip, self.skip_empty);
        let given =
            |entry: &&Entry| entry.key != skip && !(skip_empty && entry.node.value == Value::Null);
        let Some(entry) = self.rest.find(given) else { return Ok(None) };
        self.next = Some(entry);
        seed.deserialize(de::value::BorrowedStrDeserializer::new(&entry.key))
            .map(Some)
            .map_err(|error: DecodeError| error.or_at(&entry.place))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        let Some(entry) = self.next.take() else {
            return Err(DecodeError::new("a value was asked for before its key"));
        };
        seed.deserialize(Reader { node: &entry.node, env: self.env }).map_err(|mut error| {
            error.path.push(entry.key.clone());
            error
        })
    }
}

/// A map that says in `type` which variant the rest of it is.
struct Tagged<'de, 'env> {
    tag: Reader<'de, 'env>,
    content: Reader<'de, 'env>,
}

impl<'de> de::EnumAccess<'de> for Tagged<'de, '_> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), DecodeError> {
        let variant = seed.deserialize(self.tag).map_err(|mut error| {
            error.path.push("type".into());
            error
        })?;
        Ok((variant, self))
    }
}

impl<'de> de::VariantAccess<'de> for Tagged<'de, '_> {
    type Error = DecodeError;

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        seed.deserialize(Untagged(self.content))
    }

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.content.visit(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        Untagged(self.content).deserialize_any(visitor)
    }
}

/// A map without its key `type`.
struct Untagged<'de, 'env>(Reader<'de, 'env>);

impl<'de> Deserializer<'de> for Untagged<'de, '_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let Reader { node, env } = self.0;
        let entries = match &node.value {
            Value::Map(entries) => entries.as_slice(),
            _ => &[],
        };
        visitor
            .visit_map(Entries::of(entries, "type", true, env))
            .map_err(|error| self.0.here(error))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
