//! `rate`: runs that arrive at a rate, whether or not others have ended.

use super::wrong::{Wrong, ensure};
use crate::language::{Scalar, ScalarOrMap, deserialize_scalar_or_map};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, de};
use std::borrow::Cow;

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
pub(crate) struct FullRate {
    /// Runs per second and user.
    per_second: f64,
    /// Arrival process.
    #[serde(default)]
    process: Process,
}

impl ScalarOrMap for Rate {
    const FORMS: &'static str =
        "runs per second and user such as 0.2, or {per_second: 0.2, process: constant}";

    type Map = FullRate;

    fn of_scalar<E: de::Error>(scalar: Scalar<'_>) -> Option<Result<Self, E>> {
        let per_second = scalar.number()?;
        Some(Ok(Self { per_second, process: Process::default() }))
    }

    fn of_map<E: de::Error>(FullRate { per_second, process }: FullRate) -> Result<Self, E> {
        Ok(Self { per_second, process })
    }
}

deserialize_scalar_or_map!(Rate);

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
