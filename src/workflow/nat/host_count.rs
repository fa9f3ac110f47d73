//! Number of host processes.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;

/// Word for as many hosts as the load needs.
const AUTO: &str = "auto";
/// Largest number of hosts; each takes hundreds of megabytes.
const MOST: u32 = 1024;

/// Number of host processes that share the runs of a workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostCount {
    /// This many.
    Fixed(u32),
    /// As many as it takes until none is busy all the time, up to the cores of this machine.
    Auto,
}

impl Default for HostCount {
    fn default() -> Self {
        Self::Fixed(1)
    }
}

impl fmt::Display for HostCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(count) => count.fmt(f),
            Self::Auto => f.write_str(AUTO),
        }
    }
}

impl std::str::FromStr for HostCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.parse::<u32>().ok().filter(|count| (1..=MOST).contains(count));
        match number {
            Some(count) => Ok(Self::Fixed(count)),
            None if text == AUTO => Ok(Self::Auto),
            None => Err(format!("a number from 1 to {MOST}, or `{AUTO}`")),
        }
    }
}

impl Serialize for HostCount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(count) => serializer.serialize_u32(*count),
            Self::Auto => serializer.serialize_str(AUTO),
        }
    }
}

impl<'de> Deserialize<'de> for HostCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HostCountVisitor)
    }
}

struct HostCountVisitor;

impl de::Visitor<'_> for HostCountVisitor {
    type Value = HostCount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number of processes from 1 to {MOST}, or `{AUTO}`")
    }

    fn visit_u64<E: de::Error>(self, count: u64) -> Result<HostCount, E> {
        count
            .to_string()
            .parse()
            .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(count), &self))
    }

    fn visit_i64<E: de::Error>(self, count: i64) -> Result<HostCount, E> {
        count
            .to_string()
            .parse()
            .map_err(|_| E::invalid_value(de::Unexpected::Signed(count), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<HostCount, E> {
        text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

impl JsonSchema for HostCount {
    fn schema_name() -> Cow<'static, str> {
        "HostCount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of processes, or `auto`: as many as it takes until none is busy all the time, \
                            up to the cores of this machine.",
            "oneOf": [
                { "type": "integer", "minimum": 1, "maximum": MOST },
                { "type": "string", "const": AUTO },
            ],
        })
    }
}
