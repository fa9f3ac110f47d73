//! Load at which levels cross a target, from their own figures alone.

use super::Target;
use super::curve::{Curve, MeanPoint, Shape};
use super::pooled::REACH;
use crate::measure::{LevelMetrics, Metric};

/// Ratio of a level's mean to that of a higher one from which something else must have slowed it.
const FALLEN: f64 = 1.4;
/// Fewest runs whose mean can be compared.
const FEWEST_TO_COMPARE: u64 = 5;

/// Returns the concurrency at which a target is crossed, by all levels together that were not
/// interrupted: 0 if it is crossed with a single run in flight, infinite if nothing indicates a
/// crossing.
pub(super) fn crossing(levels: &[LevelMetrics], target: &Target) -> Option<f64> {
    const ROUNDS: usize = 4;
    let usable: Vec<&LevelMetrics> = levels.iter().filter(|level| !level.interrupted).collect();
    let mut seen: Vec<(MeanPoint, f64)> = usable
        .iter()
        .filter(|level| !is_slower_than_higher(level, &usable, target.metric))
        .filter_map(|level| {
            let seen = MeanPoint::of(level, target.metric).filter(|seen| seen.seconds > 0.0)?;
            let quantile = level.metric(target.metric)?.at(target.quantile);
            Some((seen, quantile / seen.seconds))
        })
        .collect();
    seen.sort_by(|a, b| a.0.concurrency.total_cmp(&b.0.concurrency));
    let means: Vec<MeanPoint> = seen.iter().map(|(mean, _)| *mean).collect();
    let curve = Curve::fit(&means, Shape::of(target.metric))?;
    let highest = means.last()?.concurrency;
    let mut at = highest;
    for _ in 0..ROUNDS {
        let centre = at.clamp(1.0, highest);
        let (mut sum, mut weights) = (0.0, 0.0);
        for (mean, ratio) in &seen {
            let far = (mean.concurrency / centre).ln() / REACH;
            let weight = mean.weight * (-0.5 * far * far).exp();
            sum += weight * ratio;
            weights += weight;
        }
        at = curve.reaches(target.seconds() * weights / sum);
    }
    Some(at)
}

/// Returns true if a level took so much longer than a higher one that something else slowed it.
fn is_slower_than_higher(level: &LevelMetrics, all: &[&LevelMetrics], metric: Metric) -> bool {
    let mean = |level: &LevelMetrics| {
        level.metric(metric).filter(|it| it.count >= FEWEST_TO_COMPARE).map(|it| it.mean)
    };
    let Some(own) = mean(level) else { return false };
    let higher = all.iter().filter(|other| other.concurrency > level.concurrency);
    higher.filter_map(|other| mean(other)).any(|other| own > FALLEN * other)
}
