//! Targets and loads, and the rig that was measured.

use crate::measure::{Metric, Quantile};

/// A limit on one quantile of one metric.
///
/// Of a rate, more is better: `P95` then stands for the share of calls that have to reach the limit,
/// which is a limit on the p05 of the rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Metric that is limited.
    pub metric: Metric,
    /// Quantile that has to stay within the limit.
    pub quantile: Quantile,
    /// Limit in the unit of the metric.
    pub limit: f64,
}

impl Target {
    /// Returns the limit on the times behind the metric, in seconds.
    pub fn seconds(&self) -> f64 {
        self.metric.to_seconds(self.limit)
    }
}

/// Load to serve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Load {
    /// Users, each of whom begins the next run some time after the last one ended.
    Users {
        /// Number of users.
        users: u64,
        /// Time between two runs, in seconds; 0 if users are concurrent runs.
        think: f64,
    },
    /// Runs that arrive at random, whether or not others have ended.
    Rate {
        /// Runs per second.
        per_second: f64,
    },
}

/// GPUs that served the workflow while it was measured, and the unit that can be added.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rig {
    /// GPUs of the test rig; `None` if the spec only gathers.
    pub gpu_count: Option<u32>,
    /// GPUs of one replica: counts round up to whole replicas.
    pub gpus_per_replica: u32,
    /// Cost of one GPU per hour, if it is known.
    pub cost_per_gpu_hour: Option<f64>,
}

impl Default for Rig {
    /// A rig of an unknown number of GPUs, each of which is a replica.
    fn default() -> Self {
        Self { gpu_count: None, gpus_per_replica: 1, cost_per_gpu_hour: None }
    }
}

/// Margin to buy beyond the need.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Margin {
    /// Additional capacity, as a share of the need.
    pub headroom: f64,
    /// Additional replicas, for those that fail or are being replaced.
    pub spares: u32,
}
