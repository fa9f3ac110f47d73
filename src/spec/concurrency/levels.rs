//! Levels of a sweep: given, or found on the way.

use super::budget::Budget;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::borrow::Cow;
use std::fmt;

/// Levels of the sweep: a list, a range, or whatever the results of earlier ones ask for.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Levels {
    /// All levels of a recording.
    #[default]
    FromData,
    /// Doubled until a target is crossed or the server fails, then narrowed down around that point.
    Adaptive(Adaptive),
    /// An explicit list of concurrencies.
    List(Vec<u32>),
    /// Evenly spread, on a linear or logarithmic scale.
    Range(Range),
}

/// A range of levels.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The lowest level.
    pub from: u32,
    /// The highest level.
    pub to: u32,
    /// Number of levels; fewer if two round to the same concurrency.
    pub steps: u32,
    /// Spacing of the levels.
    #[serde(default)]
    pub scale: Scale,
}

/// Spacing of the levels of a range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Equal differences.
    #[default]
    Linear,
    /// Equal ratios.
    Log,
}

impl Levels {
    /// Returns the concurrencies, ascending, each once; empty if they are adaptive.
    pub fn values(&self) -> Vec<u32> {
        let mut values = match self {
            Self::FromData | Self::Adaptive(_) => Vec::new(),
            Self::List(values) => values.clone(),
            Self::Range(range) => range.values(),
        };
        values.sort_unstable();
        values.dedup();
        values
    }

    /// Returns the bounds of adaptive levels; `None` if the levels are given.
    pub fn adaptive(&self) -> Option<&Adaptive> {
        match self {
            Self::Adaptive(bounds) => Some(bounds),
            Self::FromData | Self::List(_) | Self::Range(_) => None,
        }
    }
}

/// Bounds of adaptive levels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Adaptive {
    /// First level; 1 by default.
    pub start: Option<u32>,
    /// Highest level that may be measured; 1024 by default.
    pub max: Option<u32>,
    /// Budget, as a number of runs or a time.
    pub budget: Option<Budget>,
}

impl Adaptive {
    /// Keys of `concurrency` that only adaptive levels have.
    pub(in crate::spec) const KEYS: [&str; 3] = ["start", "max", "budget"];

    /// Returns the first level.
    pub fn first(&self) -> u32 {
        self.start.unwrap_or(1)
    }

    /// Returns the highest level.
    pub fn highest(&self) -> u32 {
        const DEFAULT: u32 = 1024;
        self.max.unwrap_or(DEFAULT.max(self.first()))
    }
}

impl Range {
    fn values(&self) -> Vec<u32> {
        let (from, to) = (f64::from(self.from), f64::from(self.to));
        let last = f64::from(self.steps.saturating_sub(1)).max(1.0);
        (0..self.steps)
            .map(|step| {
                let share = f64::from(step) / last;
                let level = match self.scale {
                    Scale::Linear => from + (to - from) * share,
                    Scale::Log => from * (to / from).powf(share),
                };
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "between two u32, by construction"
                )]
                let level = level.round() as u32;
                level
            })
            .collect()
    }
}

impl Serialize for Levels {
    /// Serializes the concurrencies themselves, so that a list and a range with the same levels are
    /// equal.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::FromData => serializer.serialize_str("recorded"),
            Self::Adaptive(_) => serializer.serialize_str("adaptive"),
            Self::List(_) | Self::Range(_) => self.values().serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Levels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LevelsVisitor)
    }
}

struct LevelsVisitor;

impl<'de> de::Visitor<'de> for LevelsVisitor {
    type Value = Levels;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a list such as [1, 2, 4], a range such as {from: 1, to: 64, steps: 10, scale: log}, or `adaptive`",
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Levels, E> {
        match text {
            "adaptive" => Ok(Levels::Adaptive(Adaptive::default())),
            other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
        }
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, access: A) -> Result<Levels, A::Error> {
        Vec::deserialize(de::value::SeqAccessDeserializer::new(access)).map(Levels::List)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, access: A) -> Result<Levels, A::Error> {
        Range::deserialize(de::value::MapAccessDeserializer::new(access)).map(Levels::Range)
    }
}

impl JsonSchema for Levels {
    fn schema_name() -> Cow<'static, str> {
        "Levels".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let range = generator.subschema_for::<Range>();
        schemars::json_schema!({
            "description": "The concurrencies to measure",
            "anyOf": [
                {
                    "type": "array",
                    "items": { "type": "integer", "minimum": 1 },
                    "minItems": 1,
                    "uniqueItems": true,
                },
                range,
                { "const": "adaptive" },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let range = |scale| Levels::Range(Range { from: 1, to: 64, steps: 7, scale }).values();
        assert_eq!(range(Scale::Log), [1, 2, 4, 8, 16, 32, 64]);
        assert_eq!(range(Scale::Linear), [1, 12, 22, 33, 43, 54, 64]);
        let narrow = Range { from: 1, to: 3, steps: 9, scale: Scale::Linear };
        assert_eq!(Levels::Range(narrow).values(), [1, 2, 3]);
    }
}
