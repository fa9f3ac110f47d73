//! Numbers that differ from run to run.

use crate::language::{Scalar, ScalarOrMap, Seconds, deserialize_scalar_or_map};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;

/// A number that can differ from run to run: a plain one, `{median: 0.2, sigma: 0.5}` (log-normal),
/// `{from: 0.1, to: 0.3}`, or `{values: [0.1, 0.25, 0.1]}`. Times are in seconds, or texts such as
/// `200ms`.
///
/// Runs go through `values` in turn, all lists in step: what was recorded together stays together.
#[derive(Clone, Debug, PartialEq)]
pub enum Draw {
    /// A constant.
    Same(f64),
    /// Log-normal.
    LogNormal {
        /// Median.
        median: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Uniform.
    Uniform {
        /// Smallest number.
        from: f64,
        /// Largest number.
        to: f64,
    },
    /// A list of values.
    Values {
        /// Values, used in turn by the runs.
        values: Vec<f64>,
    },
}

impl Draw {
    /// Returns all numbers that it is made of.
    pub fn numbers(&self) -> Vec<f64> {
        match self {
            Self::Same(value) => vec![*value],
            Self::LogNormal { median, sigma } => vec![*median, *sigma],
            Self::Uniform { from, to } => vec![*from, *to],
            Self::Values { values } => values.clone(),
        }
    }
}

/// A number, or a duration converted to seconds.
struct Amount(f64);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor).map(Self)
    }
}

struct AmountVisitor;

impl de::Visitor<'_> for AmountVisitor {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a time such as 200ms")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<f64, E> {
        text.parse().map(Seconds::get).map_err(E::custom)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DrawMap {
    #[serde(default)]
    median: Option<Amount>,
    #[serde(default)]
    sigma: Option<f64>,
    #[serde(default)]
    from: Option<Amount>,
    #[serde(default)]
    to: Option<Amount>,
    #[serde(default)]
    values: Option<Vec<Amount>>,
}

impl ScalarOrMap for Draw {
    const FORMS: &'static str =
        "a number, {median: 0.2, sigma: 0.5}, {from: 0.1, to: 0.3} or {values: [0.1, 0.3]}";

    type Map = DrawMap;

    fn of_scalar<E: de::Error>(scalar: Scalar<'_>) -> Option<Result<Self, E>> {
        match scalar {
            Scalar::Uint(_) | Scalar::Float(_) => Some(Ok(Self::Same(scalar.number()?))),
            Scalar::Text(_) => Some(scalar.read().map(|Amount(value)| Self::Same(value))),
            Scalar::Int(_) => None,
        }
    }

    fn of_map<E: de::Error>(map: DrawMap) -> Result<Self, E> {
        match map {
            DrawMap { median: Some(Amount(median)), sigma, from: None, to: None, values: None } => {
                Ok(Self::LogNormal { median, sigma: sigma.unwrap_or_default() })
            }
            DrawMap {
                median: None,
                sigma: None,
                from: Some(Amount(from)),
                to: Some(Amount(to)),
                values: None,
            } => Ok(Self::Uniform { from, to }),
            DrawMap { median: None, sigma: None, from: None, to: None, values: Some(values) } => {
                Ok(Self::Values { values: values.into_iter().map(|Amount(value)| value).collect() })
            }
            _ => Err(E::custom("this is neither {median, sigma} nor {from, to} nor {values}")),
        }
    }
}

deserialize_scalar_or_map!(Draw);

/// A number that is serialized as people write it.
struct ShortNumber(f64);

impl Serialize for ShortNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const EXACT: f64 = 1e15;
        if self.0.fract() == 0.0 && self.0.abs() < EXACT {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
            return serializer.serialize_i64(self.0 as i64);
        }
        serializer.serialize_f64(self.0)
    }
}

impl Serialize for Draw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pair = |serializer: S, pair: [(&str, f64); 2]| {
            serializer.collect_map(pair.map(|(key, value)| (key, ShortNumber(value))))
        };
        match self {
            Self::Same(value) => ShortNumber(*value).serialize(serializer),
            Self::LogNormal { median, sigma } => {
                pair(serializer, [("median", *median), ("sigma", *sigma)])
            }
            Self::Uniform { from, to } => pair(serializer, [("from", *from), ("to", *to)]),
            Self::Values { values } => {
                let values: Vec<ShortNumber> = values.iter().copied().map(ShortNumber).collect();
                serializer.collect_map([("values", serde_yaml::FlowSeq(values))])
            }
        }
    }
}

impl JsonSchema for Draw {
    fn schema_name() -> Cow<'static, str> {
        "Draw".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let amount = serde_json::json!({ "type": ["number", "string"] });
        schemars::json_schema!({
            "description": "A number that can differ from run to run",
            "anyOf": [
                amount,
                { "type": "object", "required": ["median"], "additionalProperties": false,
                  "properties": { "median": amount, "sigma": { "type": "number", "minimum": 0 } } },
                { "type": "object", "required": ["from", "to"], "additionalProperties": false,
                  "properties": { "from": amount, "to": amount } },
                { "type": "object", "required": ["values"], "additionalProperties": false,
                  "properties": { "values": { "type": "array", "items": amount, "minItems": 1 } } },
            ],
        })
    }
}
