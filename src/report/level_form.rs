//! Reading of a level of the result, whose metrics are on the same floor as what is said about them.
//!
//! By serde's `flatten`, every value of a level would be kept before it is read: a fifth of all that a run does that
//! finds nothing to do.

use super::result::LevelResult;
use crate::measure::LevelMetrics;
use crate::sizing::PerMetric;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;

/// What a level has besides its metrics.
#[derive(Default)]
struct Beside {
    over_target: Option<PerMetric<u64>>,
    goodput: Option<f64>,
    rough_gpus: Option<PerMetric<f64>>,
}

/// Key of a value in [`Beside`].
#[derive(Clone, Copy)]
enum Own {
    OverTarget,
    Goodput,
    RoughGpus,
}

impl Own {
    fn of(key: &str) -> Option<Self> {
        Some(match key {
            "over_target" => Self::OverTarget,
            "goodput" => Self::Goodput,
            "rough_gpus" => Self::RoughGpus,
            _ => return None,
        })
    }
}

impl<'de> Deserialize<'de> for LevelResult {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Level;
        impl<'de> Visitor<'de> for Level {
            type Value = LevelResult;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a level")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<LevelResult, A::Error> {
                let mut beside = Beside::default();
                let metrics = MapAccessDeserializer::new(Metrics { map, beside: &mut beside });
                let metrics = LevelMetrics::deserialize(metrics)?;
                let lacks = |key| move || A::Error::missing_field(key);
                Ok(LevelResult {
                    metrics,
                    over_target: beside.over_target.ok_or_else(lacks("over_target"))?,
                    goodput: beside.goodput,
                    rough_gpus: beside.rough_gpus.ok_or_else(lacks("rough_gpus"))?,
                })
            }
        }
        deserializer.deserialize_map(Level)
    }
}

/// The metrics of a level: its entries but for those that go into [`Beside`].
struct Metrics<'a, A> {
    map: A,
    beside: &'a mut Beside,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Metrics<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        mut seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        loop {
            let Some(key) = self.map.next_key_seed(KeyOf(seed))? else { return Ok(None) };
            let own = match key {
                Key::Metric(key) => return Ok(Some(key)),
                Key::Own(own, unused) => {
                    seed = unused;
                    own
                }
            };
            match own {
                Own::OverTarget => self.beside.over_target = Some(self.map.next_value()?),
                Own::Goodput => self.beside.goodput = self.map.next_value()?,
                Own::RoughGpus => self.beside.rough_gpus = Some(self.map.next_value()?),
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// A key that is one of [`Own`], with the seed that was not needed, or of a metric.
enum Key<M, K> {
    Own(Own, K),
    Metric(M),
}

/// Reader of a key, by the one that a metric's would be read by.
struct KeyOf<K>(K);

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for KeyOf<K> {
    type Value = Key<K::Value, K>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        struct Text<'de, K>(K, PhantomData<&'de ()>);
        impl<'de, K: DeserializeSeed<'de>> Visitor<'de> for Text<'de, K> {
            type Value = Key<K::Value, K>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
                match Own::of(key) {
                    Some(own) => Ok(Key::Own(own, self.0)),
                    None => self.0.deserialize(StrDeserializer::new(key)).map(Key::Metric),
                }
            }
        }
        deserializer.deserialize_identifier(Text(self.0, PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Outcome, Phase, Recording, Run};
    use serde_json::{Value, json};

    fn level() -> LevelResult {
        let run = Run {
            end: 1.5,
            outcome: Outcome::Ok,
            phase: Phase::Measured,
            http_status: Some(200),
            ..Run::default()
        };
        let recording = Recording { runs: vec![run; 3], ..Recording::default() };
        let metrics = LevelMetrics::of(4, &recording, 0.0);
        LevelResult {
            metrics,
            over_target: PerMetric::default(),
            goodput: Some(2.5),
            rough_gpus: PerMetric::default(),
        }
    }

    #[test]
    fn a_level_is_read_as_it_was_written() {
        let level = level();
        assert!(!level.http_statuses.is_empty());
        let text = serde_json::to_string_pretty(&level).unwrap();
        assert_eq!(serde_json::from_str::<LevelResult>(&text).unwrap(), level);
        assert_eq!(serde_json::from_value::<LevelResult>(json!(level)).unwrap(), level);
    }

    #[test]
    fn what_is_missing_or_wrong_is_an_error() {
        let changed = |key: &str, value: Option<Value>| {
            let mut level = json!(level());
            let map = level.as_object_mut().unwrap();
            match value {
                Some(value) => drop(map.insert(key.to_owned(), value)),
                None => drop(map.remove(key)),
            }
            serde_json::from_value::<LevelResult>(level).map_err(|error| error.to_string())
        };
        for key in ["over_target", "rough_gpus", "concurrency"] {
            assert_eq!(changed(key, None).unwrap_err(), format!("missing field `{key}`"));
        }
        assert!(changed("goodput", Some(json!("x"))).is_err());
        for value in [Some(Value::Null), None] {
            assert_eq!(changed("goodput", value).unwrap().goodput, None);
        }
        assert_eq!(changed("of a later version", Some(json!([1]))).unwrap(), level());
    }
}
