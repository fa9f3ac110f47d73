//! The spec's `concurrency`: the plan of the sweep.

use super::Seconds;
use super::load::{Mode, OnFailure, Order, Until};
use super::pacing::{Rate, ThinkTime};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::borrow::Cow;
use std::fmt;

/// Levels of the sweep, and the runs of each.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Concurrency {
    /// Levels to measure.
    #[serde(default)]
    pub levels: Levels,
    /// First of adaptive levels; 1 by default.
    #[serde(default)]
    pub start: Option<u32>,
    /// Highest level that an adaptive sweep may measure; 1024 by default.
    #[serde(default)]
    pub max: Option<u32>,
    /// Budget of an adaptive sweep, as a number of runs or a time.
    #[serde(default)]
    pub budget: Option<Budget>,
    /// Number of times that each level is filled: `passes` × concurrency measured runs. Without it
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
    /// Measure until the p95 is known well enough.
    #[serde(default)]
    pub until: Option<Until>,
    /// Shape of a level's load.
    #[serde(default)]
    pub mode: Mode,
    /// Number of times that a level is filled before it is measured; one wave by default, none in a
    /// burst.
    #[serde(default)]
    pub warmup: Option<u32>,
    /// Time over which the first runs of a level are spread, or its rate is reached.
    #[serde(default)]
    pub ramp: Seconds,
    /// Time that a user takes between two runs. A level then counts users, not runs in flight.
    #[serde(default)]
    pub think_time: Option<ThinkTime>,
    /// Open loop: runs are sent at a rate, whether or not others have ended.
    #[serde(default)]
    pub rate: Option<Rate>,
    /// Pause between two levels.
    #[serde(default)]
    pub cooldown: Seconds,
    /// Order in which levels are measured.
    #[serde(default)]
    pub order: Order,
    /// Effect of a failed run on its level.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// Seed of everything random: arrivals, think times, the order of levels.
    #[serde(default)]
    pub seed: u64,
}

impl Concurrency {
    /// Returns the number of waves of runs before a level is measured.
    pub fn warmup_waves(&self) -> u32 {
        self.warmup.unwrap_or(match self.mode {
            Mode::Sustained => 1,
            Mode::Burst => 0,
        })
    }

    /// Returns the rule by which a level ends.
    pub fn window(&self) -> WindowSpec {
        let Self { passes, runs, duration, until, .. } = *self;
        let windows = [
            runs.map(WindowSpec::Runs),
            passes.map(WindowSpec::Passes),
            duration.map(WindowSpec::Duration),
            until.map(WindowSpec::Until),
        ];
        windows.into_iter().flatten().next().unwrap_or(WindowSpec::Open)
    }

    /// Returns true if a level counts users, who do not all have a run in flight.
    pub fn counts_users(&self) -> bool {
        self.think_time.is_some() || self.rate.is_some()
    }

    /// Returns the first of adaptive levels.
    pub fn first_level(&self) -> u32 {
        self.start.unwrap_or(1)
    }

    /// Returns the highest of adaptive levels.
    pub fn highest_level(&self) -> u32 {
        const DEFAULT: u32 = 1024;
        self.max.unwrap_or(DEFAULT.max(self.first_level()))
    }

    /// Returns the concurrencies in the order in which they are measured; empty if they are
    /// adaptive.
    pub fn in_order(&self) -> Vec<u32> {
        let mut levels = self.levels.values();
        if self.order == Order::Shuffled {
            levels.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(self.seed));
        }
        levels
    }
}

/// Rule by which a level ends: the one of `passes`, `runs`, `duration` and `until` that is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WindowSpec {
    /// One pass over the dataset, or as many runs as an adaptive sweep plans.
    Open,
    /// Number of times that the level is filled.
    Passes(u32),
    /// Number of measured runs.
    Runs(u32),
    /// Time within which measured runs begin.
    Duration(Seconds),
    /// Precision of the p95.
    Until(Until),
}

/// Budget of an adaptive sweep.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// Measured runs.
    Runs(u64),
    /// Time under load.
    Seconds(Seconds),
}

impl Budget {
    /// Returns true if anything can be measured with it.
    pub fn is_sensible(self) -> bool {
        match self {
            Self::Runs(runs) => runs > 0,
            Self::Seconds(seconds) => seconds.get() > 0.0,
        }
    }
}

/// Levels of the sweep: a list, a range, or whatever the results of earlier ones ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Levels {
    /// All levels of a recording.
    #[default]
    FromData,
    /// Doubled until a target is crossed or the server fails, then narrowed down around that point.
    Adaptive,
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
            Self::FromData | Self::Adaptive => Vec::new(),
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
    /// Serializes the concurrencies themselves, so that a list and a range with the same levels are
    /// equal.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::FromData => serializer.serialize_str("recorded"),
            Self::Adaptive => serializer.serialize_str("adaptive"),
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
            "adaptive" => Ok(Levels::Adaptive),
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

impl<'de> Deserialize<'de> for Budget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl de::Visitor<'_> for Either {
            type Value = Budget;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of runs such as 2000, or a time such as 10m")
            }

            fn visit_u64<E: de::Error>(self, runs: u64) -> Result<Budget, E> {
                Ok(Budget::Runs(runs))
            }

            fn visit_i64<E: de::Error>(self, runs: i64) -> Result<Budget, E> {
                let wrong = |_| E::invalid_value(de::Unexpected::Signed(runs), &self);
                u64::try_from(runs).map(Budget::Runs).map_err(wrong)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Budget, E> {
                text.parse().map(Budget::Seconds).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Budget {
    fn schema_name() -> Cow<'static, str> {
        "Budget".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let seconds = generator.subschema_for::<Seconds>();
        schemars::json_schema!({
            "description": "A number of runs, or a time",
            "anyOf": [{ "type": "integer", "minimum": 1 }, seconds],
        })
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
