//! Lenient JSON values: an unexpected type in a field that is not measured must not break an answer.

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Amount of text in bytes, in the answer and in the model's thoughts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub answer: usize,
    pub thought: usize,
}

impl Amount {
    pub fn all(self) -> usize {
        self.answer.saturating_add(self.thought)
    }

    pub fn add(&mut self, other: Self) {
        self.answer = self.answer.saturating_add(other.answer);
        self.thought = self.thought.saturating_add(other.thought);
    }
}

/// Returns true if an `error` value is a real error. Some servers send an empty one with every good answer.
pub(super) fn is_something(error: &RawValue) -> bool {
    serde_json::from_str::<LooseValue<'_>>(error.get()).is_ok_and(|loose| loose.is_something)
}

/// Value of any JSON type.
#[derive(Debug, Default)]
pub(super) struct LooseValue<'a> {
    /// The string, if it is one; borrowed from the chunk unless something in it is escaped.
    pub text: Option<Cow<'a, str>>,
    pub number: Option<f64>,
    pub amount: Amount,
    /// True if it is, or contains, anything but null, false, zero or empty values.
    pub is_something: bool,
}

impl<'a> LooseValue<'a> {
    fn of_text(text: Cow<'a, str>) -> Self {
        let amount = Amount { answer: text.len(), thought: 0 };
        Self { is_something: !text.is_empty(), amount, text: Some(text), number: None }
    }

    fn of_number(number: f64) -> Self {
        Self { number: Some(number), is_something: number != 0.0, ..Self::default() }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for LooseValue<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = LooseValue<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(LooseValue::default())
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(LooseValue { is_something: value, ..LooseValue::default() })
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(LooseValue::of_number(value as f64))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(LooseValue::of_number(value as f64))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(LooseValue::of_number(value))
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(LooseValue::of_text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(LooseValue::of_text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Self::Value, A::Error> {
        let mut all = LooseValue::default();
        while let Some(value) = values.next_element::<LooseValue<'de>>()? {
            all.is_something |= value.is_something;
            all.amount.add(value.amount);
        }
        Ok(all)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut all = LooseValue::default();
        while let Some(key) = entries.next_key()? {
            let value = entries.next_value::<LooseValue<'de>>()?;
            all.is_something |= value.is_something;
            match key {
                PartKey::What => {}
                PartKey::Thinking => {
                    all.amount.add(Amount { answer: 0, thought: value.amount.all() });
                }
                PartKey::Said => all.amount.add(value.amount),
            }
        }
        Ok(all)
    }
}

/// Key of a content part.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum PartKey {
    /// Metadata of the part, as opposed to its text.
    #[serde(
        rename = "type",
        alias = "index",
        alias = "id",
        alias = "role",
        alias = "format",
        alias = "expires_at"
    )]
    What,
    #[serde(alias = "reasoning", alias = "reasoning_content", alias = "summary")]
    Thinking,
    #[serde(other)]
    Said,
}

/// Number; any other type is accepted and dropped.
#[derive(Clone, Copy, Default)]
pub(super) struct Number(pub Option<f64>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        LooseValue::deserialize(deserializer).map(|it| Self(it.number))
    }
}
