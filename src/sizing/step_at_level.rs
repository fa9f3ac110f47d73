//! The figures of a step that a finding compares between levels.

use serde::{Deserialize, Serialize};

/// A step at a level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepAtLevel {
    /// The level.
    pub level: u32,
    /// Mean share of the runtime, 0 to 1.
    pub share: f64,
    /// Mean time in a run, in seconds.
    pub time: f64,
}
