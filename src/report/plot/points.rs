//! Levels as points of a plot.

use crate::measure::{Metric, Quantile};
use crate::report::{LevelResult, SizingResult};

/// Points (concurrency, p95) of a metric at the levels that satisfy `wanted`.
pub(super) fn points(
    result: &SizingResult,
    metric: Metric,
    wanted: impl Fn(&LevelResult) -> bool,
) -> Vec<(f64, f64)> {
    let point = |level: &LevelResult| {
        Some((f64::from(level.concurrency), level.metric(metric)?.at(Quantile::P95)))
    };
    result.levels.iter().filter(|level| wanted(level)).filter_map(point).collect()
}
