//! `rate`: runs that arrive at a rate, whether or not others have ended.

use super::wrong::{Wrong, ensure};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::borrow::Cow;
use std::fmt;

/// Open loop: every user sends runs at a rate of its own, whether or not the last one has ended.
/// `0.2` is short for `{per_second: 0.2, process: poisson}`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// Runs per second and user: at level c, c times as many arrive.
    pub per_second: f64,
    /// Arrival process.
    pub process: Process,
}

/// Arrival process: the distribution of arrivals over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Process {
    /// Independent of each other, as those of many users are.
    #[default]
    Poisson,
    /// Evenly spaced.
    Constant,
}

impl Rate {
    pub(in crate::spec) fn check(self) -> Result<(), Wrong> {
        let rate = self.per_second;
        ensure(
            rate.is_finite() && rate > 0.0 && rate <= 1e6,
            "rate",
            "a rate is above 0, and at most 1000000 per second",
            "it is the rate of one user; a level has as many users as its number says",
        )
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FullRate {
    /// Runs per second and user.
    per_second: f64,
    /// Arrival process.
    #[serde(default)]
    process: Process,
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = Rate;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "runs per second and user such as 0.2, or {per_second: 0.2, process: constant}",
                )
            }

            fn visit_f64<E: de::Error>(self, per_second: f64) -> Result<Rate, E> {
                Ok(Rate { per_second, process: Process::default() })
            }

            fn visit_u64<E: de::Error>(self, per_second: u64) -> Result<Rate, E> {
                self.visit_f64(per_second as f64)
            }

            fn visit_i64<E: de::Error>(self, per_second: i64) -> Result<Rate, E> {
                self.visit_f64(per_second as f64)
            }

            fn visit_map<A: de::MapAccess<'de>>(self, access: A) -> Result<Rate, A::Error> {
                let access = de::value::MapAccessDeserializer::new(access);
                let FullRate { per_second, process } = FullRate::deserialize(access)?;
                Ok(Rate { per_second, process })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let full = generator.subschema_for::<FullRate>();
        schemars::json_schema!({
            "description": "Open loop: runs per second and user",
            "anyOf": [{ "type": "number", "exclusiveMinimum": 0 }, full],
        })
    }
}
