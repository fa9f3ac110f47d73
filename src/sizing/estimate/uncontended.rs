//! Runs with a replica of their own: their times bound what any number of GPUs can do.

use super::{TargetQuestion, levels_within};
use crate::measure::at_most;
use crate::sizing::means::times;
use crate::sizing::verdict::{Bounds, Level};

/// Probability with which lone runs may seem to meet a limit that they miss.
const BY_CHANCE: f64 = 0.1;

/// Observations at loads at which each run has a replica of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct UncontendedLoads {
    /// Replicas of the test rig: up to that many runs each have one.
    pub replicas: f64,
    /// Share of such runs that meet the limit, if enough of them were seen to be beyond chance.
    pub keeps: Option<f64>,
    /// True if a level at least as high as that met the limit.
    carried: bool,
    /// True if some level met the limit beyond chance, so that a single run does.
    kept: bool,
}

impl UncontendedLoads {
    /// Examines the usable levels up to as many runs as there are replicas.
    pub fn of(asked: &TargetQuestion<'_>, levels: &[Level<'_>], bounds: &Bounds) -> Self {
        let TargetQuestion { target, rig, .. } = *asked;
        let replicas = rig.gpu_count.unwrap_or(1) / rig.gpus_per_replica.max(1);
        let replicas = f64::from(replicas.max(1));
        let own = levels.iter().filter(|it| it.is_usable() && it.concurrency() <= replicas);
        let (mut over, mut seen) = (0, 0);
        for level in own {
            let times = times(level.observed, target.metric);
            over += times.iter().filter(|it| it.seconds > target.seconds()).count();
            seen += times.len();
        }
        let allowed = 1.0 - target.quantile.share();
        let keeps = seen > 0 && at_most(over, seen, allowed) <= BY_CHANCE;
        let mut within = levels_within(target, asked.levels).map(f64::from);
        Self {
            replicas,
            keeps: keeps.then(|| 1.0 - over as f64 / seen as f64),
            kept: keeps || bounds.at_least.is_some(),
            carried: within.any(|level| level >= replicas),
        }
    }

    /// Returns true if levels show that each run of such a load meets the limit.
    pub fn is_carried(&self) -> bool {
        self.keeps.is_some() && self.carried
    }

    /// Returns true if a single run meets the limit, though the rig may carry fewer runs than it
    /// has replicas.
    pub fn is_shared(&self) -> bool {
        self.kept && !self.carried
    }
}
