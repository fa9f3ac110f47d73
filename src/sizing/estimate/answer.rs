//! The answer for one target: a number of GPUs, or as much of it as is known.

use super::{Capacity, CrossCheck, GpuCount};
use crate::sizing::finding::Finding;

/// Answer for one target.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// GPUs for the load.
    Gpus {
        /// Capacity of the test rig.
        capacity: Capacity,
        /// Runs per second that it serves at that concurrency, if that is known.
        throughput: Option<f64>,
        /// GPUs that the load needs.
        gpus: GpuCount,
        /// The same load in the other form, with its need.
        cross_check: Option<CrossCheck>,
    },
    /// Capacity of the test rig alone.
    CapacityOnly {
        /// Capacity of the test rig.
        capacity: Capacity,
        /// Runs per second that it serves at that concurrency, if that is known.
        throughput: Option<f64>,
        /// Reason why there is no number of GPUs.
        reason: Finding,
    },
    /// No number of GPUs, since the measurements show that none meets the target.
    OutOfReach {
        /// Evidence of that.
        reason: Finding,
    },
    /// No answer.
    NoModel {
        /// Reason why there is none.
        reason: Finding,
    },
}

impl Answer {
    /// Creates the answer that there is none.
    pub(in crate::sizing) fn none(reason: impl Into<Finding>) -> Self {
        Self::NoModel { reason: reason.into() }
    }

    /// Returns the capacity of the test rig, if it is known.
    pub fn capacity(&self) -> Option<Capacity> {
        match self {
            Self::Gpus { capacity, .. } | Self::CapacityOnly { capacity, .. } => Some(*capacity),
            Self::OutOfReach { .. } | Self::NoModel { .. } => None,
        }
    }

    /// Returns the runs per second that the test rig serves at its capacity, if they are known.
    pub fn throughput(&self) -> Option<f64> {
        match self {
            Self::Gpus { throughput, .. } | Self::CapacityOnly { throughput, .. } => *throughput,
            Self::OutOfReach { .. } | Self::NoModel { .. } => None,
        }
    }

    /// Returns the GPUs that the load needs, if there is a number.
    pub fn gpus(&self) -> Option<GpuCount> {
        match self {
            Self::Gpus { gpus, .. } => Some(*gpus),
            _ => None,
        }
    }

    /// Returns the same load in the other form, with its need.
    pub fn cross_check(&self) -> Option<CrossCheck> {
        match self {
            Self::Gpus { cross_check, .. } => *cross_check,
            _ => None,
        }
    }

    /// Returns the reason why there is no number of GPUs; `None` if there is one.
    pub fn reason(&self) -> Option<&Finding> {
        match self {
            Self::Gpus { .. } => None,
            Self::CapacityOnly { reason, .. }
            | Self::OutOfReach { reason }
            | Self::NoModel { reason } => Some(reason),
        }
    }

    /// Returns true if the measurements show that no number of GPUs meets the target.
    pub fn is_out_of_reach(&self) -> bool {
        matches!(self, Self::OutOfReach { .. })
    }
}
