//! `think_time`: users who wait for their runs, and pause between them.

use super::wrong::{Wrong, ensure};
use crate::language::{Scalar, ScalarOrMap, Seconds, deserialize_scalar_or_map};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, de};
use std::borrow::Cow;

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
pub(crate) struct Spread {
    /// Median time.
    median: Seconds,
    /// Standard deviation of the logarithm.
    #[serde(default)]
    sigma: f64,
}

impl ScalarOrMap for ThinkTime {
    const FORMS: &'static str = "a duration such as 5s, or {median: 5s, sigma: 0.5}";

    type Map = Spread;

    fn of_scalar<E: de::Error>(scalar: Scalar<'_>) -> Option<Result<Self, E>> {
        Some(scalar.read().map(|median| Self { median, sigma: 0.0 }))
    }

    fn of_map<E: de::Error>(Spread { median, sigma }: Spread) -> Result<Self, E> {
        Ok(Self { median, sigma })
    }
}

deserialize_scalar_or_map!(ThinkTime);

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
