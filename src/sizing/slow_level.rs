//! A level that was slower than its load explains.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A level that was slower than its load explains.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct SlowLevel {
    /// Runs in flight.
    pub concurrency: u32,
    /// Mean runtime in seconds.
    pub mean: f64,
    /// Mean runtime in seconds expected from the other levels.
    pub expected: f64,
}
