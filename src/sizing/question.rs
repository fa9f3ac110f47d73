//! The question that a spec asks of the measurements.

use super::{Certainty, Load, Margin, Plan, Rig, Target};
use crate::measure::{Metric, Quantile};

/// The question that a spec asks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Question {
    /// Limits to meet.
    pub targets: Vec<Target>,
    /// Loads to serve; the larger need decides.
    pub loads: Vec<Load>,
    /// Rig that was measured.
    pub rig: Rig,
    /// Margin to buy beyond the need.
    pub margin: Margin,
    /// Confidence of the intervals, and their resampling.
    pub certainty: Certainty,
    /// True if a level counts users, who do not all have a run in flight.
    pub counts_users: bool,
    /// Source of further levels.
    pub plan: Plan,
}

impl Question {
    /// Returns the limit on a metric if only one can be used: that on the p95, else the first.
    pub fn main_target(&self, metric: Metric) -> Option<Target> {
        let of_metric = || self.targets.iter().filter(move |target| target.metric == metric);
        of_metric()
            .find(|target| target.quantile == Quantile::P95)
            .or_else(|| of_metric().next())
            .copied()
    }

    /// Returns the limits that single runs are compared with, in the order of the metrics.
    pub fn main_limits(&self) -> Vec<(Metric, f64)> {
        let targets = Metric::ALL.iter().filter_map(|metric| self.main_target(*metric));
        targets.map(|target| (target.metric, target.limit)).collect()
    }
}
