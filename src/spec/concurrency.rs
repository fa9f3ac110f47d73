//! The spec's `concurrency`: the plan of the sweep.

use super::Seconds;
use super::load::{Arrivals, Mode, OnFailure, Order, ThinkTime};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::borrow::Cow;
use std::fmt;

/// How many runs in flight, and how many runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Concurrency {
    /// The levels to measure.
    pub levels: Levels,
    /// How many times over each level is filled: `passes` × concurrency measured runs. Without it
    /// (and without `runs` and `duration`), a level makes one pass over the dataset, cut to a
    /// multiple of the concurrency.
    #[serde(default)]
    pub passes: Option<u32>,
    /// Measured runs of each level, whatever its concurrency.
    #[serde(default)]
    pub runs: Option<u32>,
    /// Measure the runs that begin within this time, however many.
    #[serde(default)]
    pub duration: Option<Seconds>,
    /// What a level's load looks like.
    #[serde(default)]
    pub mode: Mode,
    /// How many times over a level is filled before it is measured; one wave by default, none in a
    /// burst.
    #[serde(default)]
    pub warmup: Option<u32>,
    /// Time over which the first runs of a level are spread.
    #[serde(default)]
    pub ramp: Seconds,
    /// Time that a user takes between two runs. A level then counts users, not runs in flight.
    #[serde(default)]
    pub think_time: Option<ThinkTime>,
    /// Open loop: runs are sent at a rate, whether or not others have ended.
    #[serde(default)]
    pub arrivals: Option<Arrivals>,
    /// Pause between two levels.
    #[serde(default)]
    pub cooldown: Seconds,
    /// In which order levels are measured.
    #[serde(default)]
    pub order: Order,
    /// What a failed run does to its level.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// Seed of everything random: arrivals, think times, the order.
    #[serde(default)]
    pub seed: u64,
}

impl Concurrency {
    /// Waves of runs before a level is measured.
    pub fn warmup_waves(&self) -> u32 {
        self.warmup.unwrap_or(match self.mode {
            Mode::Sustained => 1,
            Mode::Burst => 0,
        })
    }

    /// The concurrencies in the order in which they are measured.
    pub fn in_order(&self) -> Vec<u32> {
        let mut levels = self.levels.values();
        if self.order == Order::Shuffled {
            levels.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(self.seed));
        }
        levels
    }
}

/// The levels: a list, or a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Levels {
    /// Each concurrency by itself.
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
    /// How many levels; fewer where two round to the same concurrency.
    pub steps: u32,
    /// How they are spread.
    #[serde(default)]
    pub scale: Scale,
}

/// How the levels of a range are spread.
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
    /// The concurrencies, ascending, each once.
    pub fn values(&self) -> Vec<u32> {
        let mut values = match self {
            Self::List(values) => values.clone(),
            Self::Range(range) => range.values(),
        };
        values.sort_unstable();
        values.dedup();
        values
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
    /// The concurrencies themselves: a list and a range that mean the same are equal.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.values().serialize(serializer)
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
            "a list such as [1, 2, 4] or a range such as {from: 1, to: 64, steps: 10, scale: log}",
        )
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
