//! Measurements that a method of estimation makes its model of.

use super::fit::{Fit, NoFit};
use super::method::MethodName;
use super::verdict::Level;
use super::{Fits, ObservedLevel};
use crate::measure::{LevelMetrics, Metric, Quantile};
use std::collections::BTreeMap;

/// Measurements that a method of estimation makes its model of: levels (ascending) and, as far as
/// there are any, the lines through them and the runs of each.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    levels: &'a [LevelMetrics],
    method: MethodName,
    fits: Option<&'a Fits>,
    observed: Option<&'a BTreeMap<u32, ObservedLevel>>,
    count_failed: bool,
}

impl<'a> Evidence<'a> {
    /// Creates evidence from levels with their lines, and the runs of each. Failed runs at levels
    /// that tolerate them are left out.
    pub fn new(
        levels: &'a [LevelMetrics],
        fits: &'a Fits,
        observed: &'a BTreeMap<u32, ObservedLevel>,
    ) -> Self {
        let (method, fits, observed) = (fits.method, Some(fits), Some(observed));
        Self { levels, method, fits, observed, count_failed: false }
    }

    /// Creates evidence from levels alone, which tell where a target is crossed and no more.
    pub fn of_levels(levels: &'a [LevelMetrics], method: MethodName) -> Self {
        Self { levels, method, fits: None, observed: None, count_failed: false }
    }

    /// Counts each failed run as slower than any limit if `count_failed` is set.
    #[must_use]
    pub fn counting_failures(self, count_failed: bool) -> Self {
        Self { count_failed, ..self }
    }

    /// Returns the same evidence of some of the levels.
    pub(super) fn restricted_to<'b>(&self, levels: &'b [LevelMetrics]) -> Evidence<'b>
    where
        'a: 'b,
    {
        Evidence { levels, ..*self }
    }

    /// Returns the method that the estimates are to use.
    pub fn method(&self) -> MethodName {
        self.method
    }

    /// Returns all levels, interrupted ones included.
    pub fn levels(&self) -> &'a [LevelMetrics] {
        self.levels
    }

    /// Returns true if failed runs count as slower than any limit.
    pub fn counts_failures(&self) -> bool {
        self.count_failed
    }

    /// Returns the line through one quantile of one metric; fails with the reason why there is none.
    pub fn fit(&self, metric: Metric, quantile: Quantile) -> Result<&'a Fit, NoFit> {
        let none = || NoFit::NotMeasured { metric: metric.to_string() };
        self.fits.ok_or_else(none)?.get(metric, quantile)
    }

    /// Returns the runs of a level, if they are known.
    pub fn observed(&self, concurrency: u32) -> Option<&'a ObservedLevel> {
        self.observed?.get(&concurrency)
    }

    /// Returns the levels whose runs are known, each with them.
    pub(super) fn with_runs(&self) -> Vec<Level<'a>> {
        let of = |metrics: &'a LevelMetrics| {
            Some(Level { metrics, observed: self.observed(metrics.concurrency)? })
        };
        self.levels.iter().filter_map(of).collect()
    }
}
