//! Budget of an adaptive sweep.

use crate::language::Seconds;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::borrow::Cow;
use std::fmt;

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

impl<'de> Deserialize<'de> for Budget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BudgetVisitor;
        impl de::Visitor<'_> for BudgetVisitor {
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
        deserializer.deserialize_any(BudgetVisitor)
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
