//! Parts of the spec's `concurrency` that shape the load of a level, apart from its pacing.

use crate::language::{Scalar, ScalarOrMap, deserialize_scalar_or_map};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::borrow::Cow;
use std::fmt;

/// Shape of a level's load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Warm-up, then a measured window, with the load kept up until its last run has ended.
    #[default]
    Sustained,
    /// All runs at once and every one measured, ramp-up and drain included, as in the reference
    /// calculator.
    Burst,
}

/// Order in which levels are measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The lowest first.
    #[default]
    Ascending,
    /// In a random order, by the seed, so that drift over time affects all levels alike.
    Shuffled,
}

/// Stop rule: measure until a p95 is known well enough.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Until {
    /// Largest width of the 90 % interval of the p95 workflow runtime, as a share of it: `10%`.
    pub p95_within: Share,
    /// Most measured runs.
    #[serde(default = "ten_thousand")]
    pub at_most: u32,
}

fn ten_thousand() -> u32 {
    10_000
}

/// Effect of a failed run on its level.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum OnFailure {
    /// The first one stops the level, which is left out of every fit.
    #[default]
    StopLevel,
    /// Up to this share (0 to 1) of its runs may fail.
    Tolerate(f64),
}

impl OnFailure {
    /// Returns the share of runs that may fail, 0 to 1.
    pub fn tolerated(self) -> f64 {
        match self {
            Self::StopLevel => 0.0,
            Self::Tolerate(share) => share,
        }
    }
}

impl Serialize for OnFailure {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        match self {
            Self::StopLevel => serializer.serialize_str("stop_level"),
            Self::Tolerate(share) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("tolerate", share)?;
                map.end()
            }
        }
    }
}

impl ScalarOrMap for OnFailure {
    const FORMS: &'static str = "stop_level, or a share of runs such as {tolerate: 1%}";

    type Map = Tolerate;

    fn of_scalar<E: de::Error>(scalar: Scalar<'_>) -> Option<Result<Self, E>> {
        Some(match scalar.text()? {
            "stop_level" => Ok(Self::StopLevel),
            other => Err(E::invalid_value(de::Unexpected::Str(other), &Self::FORMS)),
        })
    }

    fn of_map<E: de::Error>(Tolerate { tolerate }: Tolerate) -> Result<Self, E> {
        Ok(Self::Tolerate(tolerate.0))
    }
}

deserialize_scalar_or_map!(OnFailure);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tolerate {
    /// Share of the runs that may fail: `1%`, or 0.01.
    tolerate: Share,
}

/// A share: `1%`, or 0.01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Share(f64);

impl Share {
    /// Returns the share as a number, 0.01 for `1%`.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl de::Visitor<'_> for Number {
            type Value = Share;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a share such as 1% or 0.01")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Share, E> {
                let number = text.trim().strip_suffix('%').and_then(|it| it.trim().parse().ok());
                let percent: Option<f64> = number.filter(|it: &f64| it.is_finite());
                let percent =
                    percent.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))?;
                Ok(Share(percent / 100.0))
            }

            fn visit_f64<E: de::Error>(self, share: f64) -> Result<Share, E> {
                // Whoever writes 20 means 20 %, not twenty times as much.
                if share > 1.0 {
                    let percent = share * 100.0;
                    return Err(E::custom(format_args!(
                        "as a share, {share} is {percent} %: write `{share}%`, or `{percent}%` if that is meant"
                    )));
                }
                Ok(Share(share))
            }

            fn visit_u64<E: de::Error>(self, share: u64) -> Result<Share, E> {
                self.visit_f64(share as f64)
            }
        }
        deserializer.deserialize_any(Number)
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "description": "A share: 1%, or 0.01",
            "anyOf": [
                { "type": "number", "minimum": 0, "maximum": 1 },
                { "type": "string", "pattern": "^\\s*[0-9.]+\\s*%$" },
            ],
        })
    }
}

impl JsonSchema for OnFailure {
    fn schema_name() -> Cow<'static, str> {
        "OnFailure".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let tolerate = generator.subschema_for::<Tolerate>();
        schemars::json_schema!({
            "description": "What a failed run does to its level",
            "anyOf": [{ "const": "stop_level" }, tolerate],
        })
    }
}
