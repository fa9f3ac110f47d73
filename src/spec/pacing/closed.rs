//! `think_time`: users who wait for their runs, and pause between them.

use super::wrong::{Wrong, ensure};
use crate::spec::Seconds;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::borrow::Cow;
use std::fmt;

/// Time that a user takes between two runs: `5s`, or log-normal as `{median: 5s, sigma: 0.5}`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ThinkTime {
    /// Median time.
    pub median: Seconds,
    /// Standard deviation of the logarithm; 0 makes every pause the median.
    pub sigma: f64,
}

impl ThinkTime {
    pub(in crate::spec) fn check(self) -> Result<(), Wrong> {
        ensure(
            (0.0..=3.0).contains(&self.sigma),
            "think_time",
            "sigma lies between 0 and 3",
            "0 is the default",
        )
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Spread {
    /// Median time.
    median: Seconds,
    /// Standard deviation of the logarithm.
    #[serde(default)]
    sigma: f64,
}

impl<'de> Deserialize<'de> for ThinkTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pause;

        impl Pause {
            fn plain<E: de::Error>(
                value: impl de::IntoDeserializer<'static, E>,
            ) -> Result<ThinkTime, E> {
                Ok(ThinkTime {
                    median: Seconds::deserialize(value.into_deserializer())?,
                    sigma: 0.0,
                })
            }
        }

        impl<'de> de::Visitor<'de> for Pause {
            type Value = ThinkTime;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as 5s, or {median: 5s, sigma: 0.5}")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ThinkTime, E> {
                Ok(ThinkTime { median: text.parse().map_err(E::custom)?, sigma: 0.0 })
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<ThinkTime, E> {
                Self::plain(seconds)
            }

            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<ThinkTime, E> {
                Self::plain(seconds)
            }

            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<ThinkTime, E> {
                Self::plain(seconds)
            }

            fn visit_map<A: de::MapAccess<'de>>(self, access: A) -> Result<ThinkTime, A::Error> {
                let access = de::value::MapAccessDeserializer::new(access);
                let Spread { median, sigma } = Spread::deserialize(access)?;
                Ok(ThinkTime { median, sigma })
            }
        }
        deserializer.deserialize_any(Pause)
    }
}

impl JsonSchema for ThinkTime {
    fn schema_name() -> Cow<'static, str> {
        "ThinkTime".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (seconds, spread) =
            (generator.subschema_for::<Seconds>(), generator.subschema_for::<Spread>());
        schemars::json_schema!({
            "description": "Time that a user takes between two runs",
            "anyOf": [seconds, spread],
        })
    }
}
