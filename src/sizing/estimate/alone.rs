//! Runs that have a replica of their own: what levels show of them bounds what any number of GPUs can do.

use super::{Asked, levels_within};
use crate::measure::at_most;
use crate::sizing::means::times;
use crate::sizing::verdict::{Bounds, Level};

/// Chance at which lone runs may seem to keep a limit that they miss.
const BY_CHANCE: f64 = 0.1;

/// What was seen of a load at which each run has a replica of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Alone {
    /// Replicas of the test rig: up to so many runs each have one.
    pub replicas: f64,
    /// The share of such runs that keep the limit, where enough of them were seen and that is beyond chance.
    pub keeps: Option<f64>,
    /// Whether a level as high as that, or higher, kept the limit.
    carried: bool,
    /// Whether some level kept the limit beyond chance, and so does a single run.
    kept: bool,
}

impl Alone {
    /// Looks at the usable levels up to as many runs as there are replicas.
    pub fn of(asked: &Asked<'_>, levels: &[Level<'_>], bounds: &Bounds) -> Self {
        let Asked { target, rig, .. } = *asked;
        let replicas = rig.gpu_count.unwrap_or(1) / rig.gpus_per_replica.max(1);
        let replicas = f64::from(replicas.max(1));
        let own = levels.iter().filter(|it| it.is_usable() && it.concurrency() <= replicas);
        let (mut over, mut seen) = (0, 0);
        for level in own {
            let times = times(level.observed, target.metric);
            over += times.iter().filter(|it| it.seconds > target.limit).count();
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

    /// Whether levels show that each run of such a load keeps the limit.
    pub fn is_carried(&self) -> bool {
        self.keeps.is_some() && self.carried
    }

    /// Whether a single run keeps the limit, though fewer than there are replicas may be carried.
    pub fn is_shared(&self) -> bool {
        self.kept && !self.carried
    }
}
