//! Lists, maps and tagged maps, as serde traverses them.

use super::super::tree::{Entry, Node, Value};
use super::error::DecodeError;
use serde::de::{self, DeserializeSeed, Deserializer, Visitor};

/// A deserializer of one node that can move to any other.
pub(super) trait NodeDeserializer<'de>:
    Deserializer<'de, Error = DecodeError> + Copy
{
    /// Returns the same deserializer at another node.
    fn at(self, node: &'de Node) -> Self;

    /// Returns the current node.
    fn node(self) -> &'de Node;
}

pub(super) struct Items<'de, R> {
    pub rest: std::slice::Iter<'de, Node>,
    pub index: usize,
    pub reader: R,
}

impl<'de, R: NodeDeserializer<'de>> de::SeqAccess<'de> for Items<'de, R> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some(node) = self.rest.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(self.reader.at(node)).map(Some).map_err(|mut error| {
            error.path.push(index.to_string());
            error
        })
    }
}

pub(super) struct Entries<'de, R> {
    pub rest: std::slice::Iter<'de, Entry>,
    pub next: Option<&'de Entry>,
    /// Key that was read already (the tag of an enum).
    pub skip: &'static str,
    /// True if keys without a value count as not given.
    pub skip_empty: bool,
    pub reader: R,
}

impl<'de, R> Entries<'de, R> {
    pub fn of(entries: &'de [Entry], skip: &'static str, skip_empty: bool, reader: R) -> Self {
        Self { rest: entries.iter(), next: None, skip, skip_empty, reader }
    }
}

impl<'de, R: NodeDeserializer<'de>> de::MapAccess<'de> for Entries<'de, R> {
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
        seed.deserialize(self.reader.at(&entry.node)).map_err(|mut error| {
            error.path.push(entry.key.clone());
            error
        })
    }
}

/// A map whose key `type` names the variant that the rest of it is.
pub(super) struct TaggedMap<R> {
    pub tag: R,
    pub content: R,
}

impl<'de, R: NodeDeserializer<'de>> de::EnumAccess<'de> for TaggedMap<R> {
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

impl<'de, R: NodeDeserializer<'de>> de::VariantAccess<'de> for TaggedMap<R> {
    type Error = DecodeError;

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        seed.deserialize(UntaggedMap(self.content))
    }

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.content.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        UntaggedMap(self.content).deserialize_any(visitor)
    }
}

/// A map without its key `type`.
pub(super) struct UntaggedMap<R>(pub R);

impl<'de, R: NodeDeserializer<'de>> Deserializer<'de> for UntaggedMap<R> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let node = self.0.node();
        let entries = match &node.value {
            Value::Map(entries) => entries.as_slice(),
            _ => &[],
        };
        visitor
            .visit_map(Entries::of(entries, "type", true, self.0))
            .map_err(|error: DecodeError| error.or_at(&node.place))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
