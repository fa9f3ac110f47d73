//! Tukey's fences: values far outside the quartiles are outliers.

use super::Point;
use crate::measure::quantile_of_sorted;

/// Share of the largest time within which differences are rounding.
const ROUNDING: f64 = 1e-9;

/// Removes from `points` those whose value lies more than `iqrs` interquartile ranges outside the
/// quartiles of `values` (one value per point), and returns them in order.
pub(super) fn take(points: &mut Vec<Point>, values: &[f64], iqrs: f64) -> Vec<Point> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let quartiles = (quantile_of_sorted(&sorted, 0.25), quantile_of_sorted(&sorted, 0.75));
    let (Some(q1), Some(q3)) = quartiles else { return Vec::new() };
    // On an exact line, what is left is rounding, of which some is always far outside the rest.
    let rounding = ROUNDING * points.iter().fold(0.0, |most: f64, it| most.max(it.seconds.abs()));
    let reach = (iqrs * (q3 - q1)).max(rounding);
    let fences = (q1 - reach)..=(q3 + reach);
    let inside: Vec<bool> = values.iter().map(|value| fences.contains(value)).collect();
    let mut removed = Vec::new();
    let mut inside = inside.into_iter();
    points.retain(|point| {
        let keep = inside.next().unwrap_or(true);
        if !keep {
            removed.push(*point);
        }
        keep
    });
    removed
}
