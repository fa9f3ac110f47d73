//! `type: recorded`.

use schemars::JsonSchema;
use serde::de::{Error, SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};

/// Measurements of any load generator, read from files: no server is asked, and no dataset is
/// needed. The levels come from the data unless the spec names them.
///
/// JSON lines, CSV, or Parquet. Each row is a run: `concurrency`, `id`, `start` and `end`, and where
/// they are known `llm_calls` (a list of `{start, end}`) or `llm_latencies` (a list of times),
/// `phase`, `error` and `repetition`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordedSpec {
    /// File (`.jsonl`, `.csv` or `.parquet`), list of files, folder of them, or glob.
    pub path: RecordedPaths,
    /// Unit of all times; seconds by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<TimeUnit>,
    /// Source of a level's concurrency, if not the recording's own `concurrency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<ConcurrencySource>,
}

/// One path, or several.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RecordedPaths {
    /// One file, folder or glob.
    One(PathBuf),
    /// Several files, folders or globs.
    Many(Vec<PathBuf>),
}

impl RecordedPaths {
    /// Iterates over all paths.
    pub fn iter(&self) -> impl Iterator<Item = &Path> {
        let paths = match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::Many(paths) => paths,
        };
        paths.iter().map(PathBuf::as_path)
    }
}

impl<'de> Deserialize<'de> for RecordedPaths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Paths;
        impl<'de> Visitor<'de> for Paths {
            type Value = RecordedPaths;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, or a list of paths")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<RecordedPaths, E> {
                Ok(RecordedPaths::One(text.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<RecordedPaths, A::Error> {
                let paths = Vec::deserialize(SeqAccessDeserializer::new(items))?;
                if paths.is_empty() {
                    return Err(A::Error::custom("there is no path in the list"));
                }
                Ok(RecordedPaths::Many(paths))
            }
        }
        deserializer.deserialize_any(Paths)
    }
}

/// Unit of a recording's times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeUnit {
    /// Seconds.
    #[default]
    S,
    /// Milliseconds.
    Ms,
    /// Microseconds.
    Us,
    /// Nanoseconds.
    Ns,
}

impl TimeUnit {
    /// Returns the name that it goes by in a spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::S => "s",
            Self::Ms => "ms",
            Self::Us => "us",
            Self::Ns => "ns",
        }
    }

    /// Returns the number of units in a second.
    pub fn per_second(self) -> f64 {
        match self {
            Self::S => 1.0,
            Self::Ms => 1e3,
            Self::Us => 1e6,
            Self::Ns => 1e9,
        }
    }
}

/// Source of the concurrency of a recorded level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConcurrencySource {
    /// Number of runs in flight, computed from their times.
    Measured,
}
