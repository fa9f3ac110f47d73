//! Search for a capacity: compares the model with the verdict of each level, leaves out the level
//! that disagrees, and determines the answer without any one of them.

use super::capacity_estimate::{CapacityEstimate, NEAR};
use super::doubts::{hold_against_failures, of_levels};
use super::parts::hold_against_parts;
use super::refit::MetricModels;
use super::steps::hold_against_steps;
use super::tail::hold_against_tails;
use crate::sizing::grade::Doubt;
use crate::sizing::verdict::{Bounds, Level, Verdict};
use crate::sizing::{Certainty, PooledModel, Target};
use std::rc::Rc;

/// Confidence of the interval that levels, tails and parts are compared with.
const HELD_AGAINST: f64 = 0.9;
/// Fewest standard errors by which a mean at a higher load is lower for time to have fallen.
const STANDARD_ERRORS: f64 = 4.0;
/// Smallest share by which it must be lower as well.
const FALLEN: f64 = 0.1;
/// Factor from the bounds within which a refitted answer still agrees with them.
const EDGE: f64 = 1.05;
/// Distance of the answer without a level from its interval, as a factor, above which it rests on
/// that level.
const FAR_WITHOUT: f64 = 1.15;

/// A level with its mean, and the standard error of the mean's logarithm.
#[derive(Clone, Copy)]
struct Mean {
    concurrency: f64,
    seconds: f64,
    error: f64,
}

/// Determines the capacity from the models, within the bounds that the levels prove. If the two
/// contradict each other, a level whose absence resolves it is left out.
pub(super) fn find(
    target: Target,
    metric: &MetricModels<'_>,
    runtime: Option<&PooledModel>,
    certainty: Certainty,
) -> CapacityEstimate {
    // What disagrees is held against the same interval, whatever is asked for: of two, the wider then holds
    // the narrower.
    let asked_for = certainty.confidence;
    let certainty = Certainty { confidence: HELD_AGAINST, ..certainty };
    let (quantile, limit) = (target.quantile, target.seconds());
    let verdicts: Vec<Verdict> =
        metric.levels.iter().map(|level| Verdict::of(level, &target)).collect();
    let means: Vec<Option<Mean>> = metric.levels.iter().map(|it| mean_of(it, target)).collect();
    let mut models = &metric.whole;
    let mut drawn = models.capacity(quantile, limit, certainty, runtime);
    let mut bounds = Bounds::of(&verdicts);
    let mut doubts = Vec::new();
    let mut left_out = None;
    let mut others = None;
    let fallen = falls(&means);
    let range = drawn.range(|it| it.concurrency);
    let contradicted = bounds.contradict(range.low, range.high);
    if contradicted || fallen.is_some() || !bounds.contradictions.is_empty() {
        if let Some(index) = mended_without(metric, &verdicts, &means, target) {
            models = metric.without(index).unwrap_or(models);
            drawn = models.capacity(quantile, limit, certainty, runtime);
            bounds = Bounds::of(&without(&verdicts, index));
            left_out = metric.levels.get(index).map(Level::concurrency);
            let levels = without(&metric.levels, index);
            others = MetricModels::of(&levels, metric.metric, metric.count_failed);
            doubts.extend(left_out.map(Doubt::LeftOut));
        } else {
            doubts.extend(fallen.map(|(low, high)| Doubt::Falls {
                low: (low.concurrency, low.seconds),
                high: (high.concurrency, high.seconds),
            }));
            let contradictions = bounds.contradictions.iter().take(1);
            doubts
                .extend(contradictions.map(|&(missed, met)| Doubt::Contradiction { missed, met }));
            if contradicted && bounds.contradictions.is_empty() {
                doubts.push(Doubt::CurveAgainstLevels { at: range.point });
            }
        }
    }
    let mean = |concurrency: f64| runtime.unwrap_or(models.usable()).mean(concurrency);
    // What the answer is held against must not bring back a level that was left out.
    let kept = others.as_ref().unwrap_or(metric);
    let lowest = metric.levels.first().map_or(1.0, Level::concurrency);
    if let Some(by_runs) = kept.contradicted(quantile, limit) {
        let range = drawn.range(|it| it.concurrency);
        drawn.stretch(range.low.min(by_runs), range.high.max(by_runs));
        // Of the two, the answer that needs more is the safe one.
        drawn.point_no_more_than(by_runs, mean);
    }
    drawn.keep_within(&bounds, lowest, certainty.seed, mean);
    if let Some((taken, highest)) = bounds.between_taken_and_failed() {
        // Nothing says where between the two it is, so that either may be it.
        let range = drawn.range(|it| it.concurrency);
        if taken < range.low && range.low < highest {
            drawn.stretch(taken, range.high);
        }
        // Runs that a failed level did make say how times go on, and may only lower the figure.
        if let Some(likely) = kept.likely_by_all_runs(quantile, limit, certainty, runtime) {
            drawn.point_no_more_than(likely.max(taken), mean);
        }
    }
    let mut found = CapacityEstimate { models: Rc::clone(models), drawn, bounds, left_out, doubts };
    if found.left_out.is_none() && found.doubts.is_empty() {
        let others = without_one(&found, metric, target, certainty);
        rest_on_no_single_level(&mut found, &others);
    }
    hold_against_failures(&mut found, kept, target);
    hold_against_tails(&mut found, metric, target);
    hold_against_parts(&mut found, kept, target);
    hold_against_steps(&mut found, target, &metric.levels, mean);
    // What steps and tails leave open, levels may have closed; but not one whose parts contradict each other.
    let parted = found.doubts.iter().any(|it| matches!(it, Doubt::Unlike { .. }));
    if let Some(highest) = found.bounds.highest().filter(|_| !parted) {
        found.drawn.no_more_than(highest, mean);
    }
    found.doubts.extend(of_levels(&found, metric, target));
    found.drawn.confidence = asked_for;
    found
}

/// Returns the index of the level without which levels and curve agree, if there is one; of
/// several, the one without which they agree best.
fn mended_without(
    metric: &MetricModels<'_>,
    verdicts: &[Verdict],
    means: &[Option<Mean>],
    target: Target,
) -> Option<usize> {
    const FEWEST: usize = 3;
    let usable = metric.levels.iter().filter(|level| level.is_usable()).count();
    let of = |(index, level): (usize, &Level<'_>)| {
        if !level.is_usable() || usable <= FEWEST {
            return None;
        }
        let models = metric.without(index)?;
        let bounds = Bounds::of(&without(verdicts, index));
        let point = models.point(target.quantile, target.seconds());
        let agrees = bounds.contradictions.is_empty()
            && !bounds.contradict(point * EDGE, point / EDGE)
            && falls(&without(means, index)).is_none();
        agrees.then(|| (models.usable().misfit(target.quantile), index))
    };
    let mending = metric.levels.iter().enumerate().filter_map(of);
    mending.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, index)| index)
}

fn without<T: Copy>(all: &[T], index: usize) -> Vec<T> {
    let others = all.iter().enumerate().filter(|(other, _)| *other != index);
    others.map(|(_, it)| *it).collect()
}

fn mean_of(level: &Level<'_>, target: Target) -> Option<Mean> {
    if !level.is_usable() {
        return None;
    }
    let (mean, error) = level.mean(target.metric)?;
    Some(Mean { concurrency: level.concurrency(), seconds: mean, error })
}

/// Finds two levels of which the higher one takes less time, beyond chance: the pair that is
/// furthest apart.
fn falls(means: &[Option<Mean>]) -> Option<(Mean, Mean)> {
    let mut furthest: Option<(f64, (Mean, Mean))> = None;
    let means: Vec<Mean> = means.iter().copied().flatten().collect();
    for (index, low) in means.iter().enumerate() {
        for high in means.iter().skip(index + 1) {
            let drop = (low.seconds / high.seconds).ln();
            let error = low.error.hypot(high.error);
            let beyond = drop > FALLEN && drop > STANDARD_ERRORS * error;
            if beyond && furthest.is_none_or(|(most, _)| drop > most) {
                furthest = Some((drop, (*low, *high)));
            }
        }
    }
    furthest.map(|(_, pair)| pair)
}

/// Returns the levels near the answer without which the answer differs by both intervals, while the
/// other levels still lie around it; each with the answer without it.
fn without_one(
    found: &CapacityEstimate,
    metric: &MetricModels<'_>,
    target: Target,
    certainty: Certainty,
) -> Vec<(f64, f64)> {
    const FEWEST: usize = 3;
    /// Number of resamples that locates the ends of an interval roughly.
    const ENOUGH: usize = 100;
    let range = found.drawn.range(|drawn| drawn.concurrency);
    let usable = metric.levels.iter().filter(|level| level.is_usable()).count();
    if usable < FEWEST || found.drawn.point.capped {
        return Vec::new();
    }
    let of = |(index, level): (usize, &Level<'_>)| {
        let far = (level.concurrency() / range.point).ln().abs() > NEAR.ln();
        if !level.is_usable() || far {
            return None;
        }
        let models = metric.without(index)?;
        let fewer = Certainty { resamples: certainty.resamples.min(ENOUGH), ..certainty };
        let drawn = models.capacity(target.quantile, target.seconds(), fewer, None);
        let other = drawn.range(|drawn| drawn.concurrency);
        let inside = other.point <= models.furthest().highest() && other.point >= 1.0;
        let apart = other.low > range.high || range.low > other.high;
        (inside && apart).then_some((level.concurrency(), other.point))
    };
    metric.levels.iter().enumerate().filter_map(of).collect()
}

/// Widens the interval to the answers without any one level. If such an answer is far from the
/// interval, the answer rests on a level that nothing replaces, which becomes a doubt instead.
fn rest_on_no_single_level(found: &mut CapacityEstimate, others: &[(f64, f64)]) {
    let range = found.drawn.range(|drawn| drawn.concurrency);
    let beyond = |other: f64| (other / range.high).max(range.low / other);
    let furthest = others.iter().max_by(|a, b| beyond(a.1).total_cmp(&beyond(b.1)));
    let far = furthest.filter(|(_, other)| beyond(*other) > FAR_WITHOUT);
    found.doubts.extend(far.map(|&(level, without)| Doubt::RestsOn { level, without }));
    let ends = || others.iter().map(|(_, other)| *other).filter(|it| beyond(*it) <= FAR_WITHOUT);
    let (low, high) = (ends().fold(range.low, f64::min), ends().fold(range.high, f64::max));
    let (least, most) = (found.bounds.at_least, found.bounds.highest());
    let low = low.max(least.unwrap_or(0.0));
    let high = high.min(most.unwrap_or(f64::INFINITY));
    found.drawn.widen(low, high);
}
