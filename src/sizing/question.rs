//! What a spec asks of what was measured.

use super::{Certainty, Load, Margin, Plan, Rig, Target};
use crate::measure::{Metric, Quantile};

/// What the spec asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// All limits.
    pub targets: Vec<Target>,
    /// The loads to be served; the larger need decides.
    pub loads: Vec<Load>,
    /// What it was measured on.
    pub rig: Rig,
    /// What is bought beyond the need.
    pub margin: Margin,
    /// How certain the intervals are.
    pub certainty: Certainty,
    /// Whether a level counts users, of whom not all have a run in flight.
    pub counts_users: bool,
    /// How further levels come about.
    pub plan: Plan,
}

impl Question {
    /// The limit that counts for a metric where one must be picked: the p95's, else the first.
    pub fn main_target(&self, metric: Metric) -> Option<Target> {
        let of_metric = || self.targets.iter().filter(move |target| target.metric == metric);
        of_metric()
            .find(|target| target.quantile == Quantile::P95)
            .or_else(|| of_metric().next())
            .copied()
    }

    /// The limits that single runs are held against, in the order of the metrics.
    pub fn main_limits(&self) -> Vec<(Metric, f64)> {
        let targets = Metric::ALL.iter().filter_map(|metric| self.main_target(*metric));
        targets.map(|target| (target.metric, target.limit)).collect()
    }
}
