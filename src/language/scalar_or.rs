//! Values that are written as a scalar, or in full as a map.

use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, IntoDeserializer};
use std::fmt;
use std::marker::PhantomData;

/// Type that is written as a scalar, or in full as a map.
pub(crate) trait ScalarOrMap: Sized {
    /// Both forms, as an error describes them.
    const FORMS: &'static str;

    /// The full form.
    type Map: DeserializeOwned;

    /// Returns the value of a scalar; `None` if scalars of its type have no meaning here.
    fn of_scalar<E: de::Error>(scalar: Scalar<'_>) -> Option<Result<Self, E>>;

    /// Returns the value of the full form.
    fn of_map<E: de::Error>(map: Self::Map) -> Result<Self, E>;
}

/// A number or a text, as it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scalar<'a> {
    /// Whole number that is not negative.
    Uint(u64),
    /// Negative whole number.
    Int(i64),
    /// Number with a fraction or an exponent.
    Float(f64),
    /// Text.
    Text(&'a str),
}

impl<'a> Scalar<'a> {
    /// Returns a number; `None` for a text.
    pub fn number(self) -> Option<f64> {
        match self {
            Self::Uint(value) => Some(value as f64),
            Self::Int(value) => Some(value as f64),
            Self::Float(value) => Some(value),
            Self::Text(_) => None,
        }
    }

    /// Returns a text; `None` for a number.
    pub fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Reads a type that is always written as a scalar.
    pub fn read<T: DeserializeOwned, E: de::Error>(self) -> Result<T, E> {
        match self {
            Self::Uint(value) => T::deserialize(value.into_deserializer()),
            Self::Int(value) => T::deserialize(value.into_deserializer()),
            Self::Float(value) => T::deserialize(value.into_deserializer()),
            Self::Text(text) => T::deserialize(text.into_deserializer()),
        }
    }

    fn unexpected(self) -> de::Unexpected<'a> {
        match self {
            Self::Uint(value) => de::Unexpected::Unsigned(value),
            Self::Int(value) => de::Unexpected::Signed(value),
            Self::Float(value) => de::Unexpected::Float(value),
            Self::Text(text) => de::Unexpected::Str(text),
        }
    }
}

/// A value in either of its forms.
pub(crate) struct ScalarOr<T>(pub T);

impl<'de, T: ScalarOrMap> Deserialize<'de> for ScalarOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarOrMapVisitor(PhantomData)).map(Self)
    }
}

struct ScalarOrMapVisitor<T>(PhantomData<T>);

impl<T: ScalarOrMap> ScalarOrMapVisitor<T> {
    fn scalar<E: de::Error>(scalar: Scalar<'_>) -> Result<T, E> {
        let wrong = || Err(E::invalid_type(scalar.unexpected(), &T::FORMS));
        T::of_scalar(scalar).unwrap_or_else(wrong)
    }
}

impl<'de, T: ScalarOrMap> de::Visitor<'de> for ScalarOrMapVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::FORMS)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<T, E> {
        Self::scalar(Scalar::Uint(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<T, E> {
        Self::scalar(Scalar::Int(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<T, E> {
        Self::scalar(Scalar::Float(value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        Self::scalar(Scalar::Text(text))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, access: A) -> Result<T, A::Error> {
        T::of_map(T::Map::deserialize(de::value::MapAccessDeserializer::new(access))?)
    }
}

/// Implements deserialization of types that are written as a scalar or a map.
macro_rules! deserialize_scalar_or_map {
    ($($type:ty),*) => {$(
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let $crate::language::ScalarOr(value) =
                    serde::Deserialize::deserialize(deserializer)?;
                Ok(value)
            }
        }
    )*};
}

pub(crate) use deserialize_scalar_or_map;
