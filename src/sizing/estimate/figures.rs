//! Figures of an answer: a capacity, and a number of GPUs with its derivation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Concurrency that the test rig carries within the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Capacity {
    /// Best single figure; null if `what-if` shows an unsettled answer, of which only the ends are
    /// known.
    pub point: Option<f64>,
    /// Lower end of the interval; null if the method gives none, or only one end is known.
    pub low: Option<f64>,
    /// Upper end of the interval; null if the method gives none, or only one end is known.
    pub high: Option<f64>,
    /// Load that is known to be carried, if nothing that was measured shows where the capacity
    /// ends.
    #[serde(default)]
    pub at_least: Option<f64>,
    /// Load that is known not to be exceeded, if nothing shows that any run is fast enough.
    #[serde(default)]
    pub at_most: Option<f64>,
}

impl Capacity {
    /// Creates a capacity from a single figure.
    pub(super) fn of(point: f64) -> Self {
        Self { point: Some(point), low: None, high: None, at_least: None, at_most: None }
    }
}

/// GPUs for the target load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GpuCount {
    /// Best single figure: whole replicas with `monotone`, not rounded with a line; null if
    /// `what-if` shows an unsettled answer, of which it would be no more than a guess.
    pub point: Option<f64>,
    /// Lower end of the interval; null if the method gives none, or only one end is known.
    pub low: Option<f64>,
    /// Upper end of the interval; null if the method gives none, or only one end is known.
    pub high: Option<f64>,
    /// Number that is needed at least, if more may be, or no number is enough.
    #[serde(default)]
    pub at_least: Option<f64>,
    /// Number that is enough, if no measurement shows that fewer are not.
    #[serde(default)]
    pub at_most: Option<f64>,
    /// Number to buy in whole replicas, with headroom and spares; null if the answer is unsettled.
    pub recommended: Option<u64>,
    /// Derivation of `recommended`; null if the answer is unsettled.
    #[serde(default)]
    pub sum: Option<Sum>,
}

/// Derivation of the number to buy from the need, in GPUs; each step is at least the one before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sum {
    /// Best single figure before it is rounded.
    pub needed: f64,
    /// The need in whole replicas.
    pub whole_replicas: u64,
    /// Whole replicas that are enough with the requested confidence; null if the method gives no
    /// interval. The steps after this one are policy, not confidence.
    pub with_confidence: Option<u64>,
    /// Number with the requested headroom.
    pub with_headroom: u64,
    /// Number with the requested spare replicas: the recommendation.
    pub with_spares: u64,
}

/// The load in the form that the spec does not use, by Little's law at the limit: users as random
/// arrivals, arrivals as concurrent users.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CrossCheck {
    /// Runs per second; null if the spec gives these.
    pub request_rate: Option<f64>,
    /// Runs in flight; null if the spec gives users.
    pub concurrent: Option<f64>,
    /// GPUs that it would need.
    pub gpus: f64,
    /// True if that lies outside the interval of the estimate, and the estimate outside its
    /// interval.
    #[serde(default)]
    pub differs: bool,
}
