//! What to aim for, and what it was measured on.

use crate::measure::{Metric, Quantile};

/// A limit on one quantile of one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// The time that is limited.
    pub metric: Metric,
    /// The quantile that has to stay within the limit.
    pub quantile: Quantile,
    /// The limit, in seconds.
    pub limit: f64,
}

/// The load to be served.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Load {
    /// Users of whom each begins the next run some time after the last one ended.
    Users {
        /// How many.
        users: u64,
        /// Time between two runs, in seconds; 0 where users are concurrent runs.
        think: f64,
    },
    /// Runs that arrive at random, whether or not others have ended.
    Rate {
        /// Runs per second.
        per_second: f64,
    },
}

/// The GPUs that served the workflow while it was measured, and the unit that can be added.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rig {
    /// GPUs of the test rig; unknown when only gathering.
    pub gpu_count: Option<u32>,
    /// GPUs of one replica: counts round up to whole replicas.
    pub gpus_per_replica: u32,
    /// What one GPU costs per hour, where that is known.
    pub cost_per_gpu_hour: Option<f64>,
}

/// What is bought beyond what is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Margin {
    /// Further capacity, as a share of what is needed.
    pub headroom: f64,
    /// Further replicas, for those that fail or are being replaced.
    pub spares: u32,
}
