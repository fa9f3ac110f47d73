//! Comparison of the slow runs around an answer with the tail that it rests on, which is pooled
//! over levels of all loads.

use super::capacity_estimate::CapacityEstimate;
use super::refit::MetricModels;
use crate::measure::{quantile_of_sorted, runs_to_bound};
use crate::sizing::Target;
use crate::sizing::grade::Doubt;
use crate::sizing::means::times;
use crate::sizing::verdict::Level;

/// Factor below the answer from which levels show how long its slow runs take.
const BELOW: f64 = 2.0;
/// Factor above the answer up to which they do: the tail of a full server tells less.
const ABOVE: f64 = 1.15;
/// Standard errors from which a share differs by more than chance.
const STANDARD_ERRORS: f64 = 5.0;

/// Compares the model's quantile with the runs of the levels around the answer. If the share of
/// them beyond it differs by more than chance, the interval extends to the capacity from their own
/// quantile.
pub(super) fn hold_against_tails(
    found: &mut CapacityEstimate,
    metric: &MetricModels<'_>,
    target: Target,
) {
    if found.is_open() {
        return;
    }
    let allowed = 1.0 - target.quantile.share();
    let range = found.drawn.range(|it| it.concurrency);
    let is_around = |level: &&Level<'_>| {
        let at = level.concurrency();
        let around = (range.point / BELOW..=range.point * ABOVE).contains(&at);
        around && level.is_usable() && found.left_out != Some(at)
    };
    let model = found.models.usable();
    // In multiples of the model's quantile, runs of all levels are alike.
    let mut multiples: Vec<f64> = Vec::new();
    for level in metric.levels.iter().filter(is_around) {
        let times = times(level.observed, target.metric);
        let met = times.iter().map(|it| it.concurrency).sum::<f64>() / times.len().max(1) as f64;
        let line = model.at(met, target.quantile);
        multiples.extend(times.iter().map(|it| it.seconds / line));
    }
    let runs = multiples.len() as f64;
    if runs < runs_to_bound(target.quantile.share()) as f64 {
        return;
    }
    let over = multiples.iter().filter(|it| **it > 1.0).count() as f64;
    let by_chance = STANDARD_ERRORS * (runs * allowed * (1.0 - allowed)).sqrt();
    if (over - runs * allowed).abs() <= by_chance {
        return;
    }
    multiples.sort_by(f64::total_cmp);
    let Some(own) = quantile_of_sorted(&multiples, target.quantile.share()) else { return };
    let carried = found.models.point(target.quantile, target.seconds() / own);
    let carried = carried.max(found.bounds.at_least.unwrap_or(0.0));
    let carried = carried.min(found.bounds.highest().unwrap_or(f64::INFINITY));
    if (range.low..=range.high).contains(&carried) {
        return;
    }
    let by = (range.point / carried).max(carried / range.point);
    found.drawn.stretch(carried.min(range.low), carried.max(range.high));
    found.doubts.push(Doubt::Tail { at: range.point, share: over / runs, allowed, carried, by });
}
