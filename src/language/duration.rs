//! Durations as people write them.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// A duration in seconds: `10s`, `300ms`, `2m`, `1.5h`, or a plain number of seconds. Finite and
/// not negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Seconds(f64);

impl Seconds {
    /// Creates a duration from seconds; `None` unless they are finite and not negative.
    pub fn new(seconds: f64) -> Option<Self> {
        (seconds.is_finite() && seconds >= 0.0).then_some(Self(seconds))
    }

    /// Creates a duration from a literal.
    ///
    /// # Panics
    ///
    /// If it is not finite or negative; in a constant, the compiler reports that.
    pub(crate) const fn fixed(seconds: f64) -> Self {
        assert!(seconds.is_finite() && seconds >= 0.0);
        Self(seconds)
    }

    /// Returns the duration in seconds.
    pub fn get(self) -> f64 {
        self.0
    }

    /// Converts to the standard library's type, saturating at its maximum.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::try_from_secs_f64(self.0).unwrap_or(std::time::Duration::MAX)
    }
}

/// Error of parsing a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration: write a number and a unit, such as 300ms, 10s, 2m or 1h")]
pub struct InvalidDuration(String);

impl FromStr for Seconds {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let wrong = || InvalidDuration(text.to_owned());
        let trimmed = text.trim();
        let unit_at = trimmed.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(unit_at);
        let scale = match unit {
            "us" | "ms" | "" | "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return Err(wrong()),
        };
        let number: f64 = number.trim().parse().map_err(|_| wrong())?;
        // Parts of a second are divided, since 300 × 0.001 is not the double nearest to 0.3.
        let seconds = match unit {
            "us" => number / 1e6,
            "ms" => number / 1e3,
            _ => number * scale,
        };
        Self::new(seconds).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecondsVisitor)
    }
}

struct SecondsVisitor;

impl de::Visitor<'_> for SecondsVisitor {
    type Value = Seconds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as 10s or 300ms")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Seconds, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Seconds, E> {
        self.visit_f64(seconds as f64)
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Seconds, E> {
        self.visit_f64(seconds as f64)
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Seconds, E> {
        Seconds::new(seconds).ok_or_else(|| E::custom("a duration cannot be negative or infinite"))
    }
}

impl JsonSchema for Seconds {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Seconds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "description": "A duration: 10s, 300ms, 2m, 1h, or a number of seconds",
            "anyOf": [
                { "type": "number", "minimum": 0 },
                { "type": "string", "pattern": r"^\s*[0-9.eE+-]+\s*(us|ms|s|m|min|h|d)?\s*$" },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_duration_are_equal() {
        for text in ["0.3", "0.3s", "300ms", "300 ms", "300000us"] {
            assert_eq!(text.parse(), Ok(Seconds(0.3)), "{text}");
        }
        assert_eq!("1.5h".parse(), Ok(Seconds(5400.0)));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "s", "10x", "-1s", "inf", "NaN", "1e999", "10s10s"] {
            assert!(text.parse::<Seconds>().is_err(), "{text}");
        }
    }
}
