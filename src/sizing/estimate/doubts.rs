//! Doubts about the levels that an answer rests on.

use super::Asked;
use super::found::{Found, NEAR};
use super::refit::MetricModels;
use crate::measure::runs_to_bound;
use crate::sizing::grade::Doubt;
use crate::sizing::verdict::{Bounds, Level};

/// Loads this far apart from the answer, as a factor, are beside it.
const BESIDE: f64 = 1.25;
/// Between them time grows by 1.6 at the most where load alone makes it grow: beyond this it jumps.
const JUMP: f64 = 2.5;
/// Levels that differ by less than this, as a logarithm, are the same.
const SAME: f64 = 0.005;

/// Doubts about the levels that an answer rests on.
pub(super) fn of_levels(
    found: &Found<'_>,
    metric: &MetricModels<'_>,
    asked: &Asked<'_>,
) -> Vec<Doubt> {
    let Found { models, drawn, bounds, .. } = found;
    let (pooled, point) = (models.usable(), drawn.point.concurrency.max(1.0));
    let target = asked.target;
    let mut doubts = Vec::new();
    let is_near =
        |level: &&Level<'_>| (level.concurrency() / point).ln().abs() <= NEAR.ln() * (1.0 + 1e-9);
    let near = || metric.levels.iter().filter(is_near);
    let counts =
        |level: &&Level<'_>| level.is_usable() && found.left_out != Some(level.concurrency());
    if found.is_open() {
        // Where it ends was not seen at all, which is said elsewhere.
        doubts.extend(of_failures(metric, bounds, point));
        return doubts;
    }
    if near().filter(counts).count() < 2 && bounds.highest().is_none_or(|it| it > NEAR * point) {
        doubts.push(Doubt::FewLevelsNear(point));
    }
    let highest = models.furthest().highest();
    let lowest = metric.levels.iter().filter(counts).map(Level::concurrency).next();
    if point > highest || lowest.is_some_and(|lowest| point < lowest) {
        let levels = metric.levels.iter().filter(counts).map(Level::concurrency);
        let highest = levels.fold(0.0, f64::max);
        doubts.push(Doubt::Extrapolated { measured: (lowest.unwrap_or(highest), highest), point });
    }
    let needed = runs_to_bound(target.quantile.share());
    let runs = pooled.runs_around(point, target.quantile);
    if runs < needed as f64 {
        doubts.push(Doubt::FewRuns { runs, needed });
    }
    if pooled.is_unsteady() {
        doubts.push(Doubt::Unsteady);
    }
    let seconds = |load: f64| pooled.at(load, target.quantile);
    let (from, to) = (seconds(point / BESIDE), seconds(point * BESIDE));
    let (here, by_chance) = (seconds(point), pooled.at_by_chance(point, target.quantile));
    if to > JUMP * from {
        doubts.push(Doubt::Jumps { at: point, from, to });
    } else if by_chance > JUMP * here {
        doubts.push(Doubt::Jumps { at: point, from: here, to: by_chance });
    }
    if pooled.between_levels() > SAME {
        doubts.push(Doubt::Uneven(pooled.between_levels()));
    }
    let limited = near().find(|level| level.metrics.client_limited);
    doubts.extend(limited.map(|level| Doubt::ClientLimited(level.concurrency())));
    doubts.extend(of_failures(metric, bounds, point));
    doubts
}

/// Doubts about levels at which runs failed.
fn of_failures(metric: &MetricModels<'_>, bounds: &Bounds, point: f64) -> Vec<Doubt> {
    /// A share of failures that people tolerate.
    const TOLERABLE: f64 = 0.05;
    let failed = || metric.levels.iter().filter(|level| !level.is_usable());
    let mut doubts = Vec::new();
    if let Some(at) = bounds.below.filter(|_| bounds.refused) {
        doubts.push(Doubt::Refused { at, carried: bounds.at_least, gone: bounds.gone });
    }
    let share = |level: &Level<'_>| level.metrics.failed as f64 / level.metrics.runs.max(1) as f64;
    let matters = |level: &&Level<'_>| level.concurrency() <= point * NEAR;
    let levels: Vec<f64> = failed().filter(matters).map(Level::concurrency).collect();
    let most = failed().filter(matters).map(share).fold(0.0, f64::max);
    // Where levels on both sides are close, a level that failed further up changes nothing.
    let closed =
        matches!((bounds.at_least, bounds.highest()), (Some(low), Some(high)) if high < low * 1.3);
    if !levels.is_empty() && !closed {
        doubts.push(Doubt::Failed { levels, share: most, tolerable: most <= TOLERABLE });
    }
    doubts
}
