//! The estimate of the method `monotone`, held against what each level shows by itself.

use super::buy::{cross_check, other_form, sum, whole_replicas};
use super::refit::{MetricModels, Models};
use super::{Asked, Capacity, CurvePoint, Estimate, GpuCount, Proven, beyond_reach, observed};
use crate::measure::runs_to_bound;
use crate::sizing::diagnose;
use crate::sizing::fit::{MethodName, NoFit};
use crate::sizing::grade::Doubt;
use crate::sizing::verdict::{Bounds, Level, Verdict};
use crate::sizing::{Carried, CarriedDraws, Certainty, Grade, Load, Pooled};

/// Levels this far from the answer, as a factor, still say something of it.
const NEAR: f64 = 5.0;
/// A mean that is lower at a higher load by this many standard errors,
const STANDARD_ERRORS: f64 = 4.0;
/// and by this share, has fallen.
const FALLEN: f64 = 0.1;
/// How far beyond the highest level an answer is still at its edge.
const EDGE: f64 = 1.05;

/// A level as the doubts need it: where it is, and its mean with the standard error of its logarithm.
#[derive(Clone, Copy)]
struct Mean {
    concurrency: f64,
    seconds: f64,
    error: f64,
}

/// What was found of a capacity, and on what it rests.
struct Found<'m> {
    models: &'m Models,
    drawn: CarriedDraws,
    bounds: Bounds,
    left_out: Option<f64>,
    doubts: Vec<Doubt>,
}

/// Estimates the GPUs for one target from all runs, with an interval. `runtime` is what was observed
/// of whole runs, whatever is limited.
///
/// Replicas stand side by side behind a load balancer, as those of the test rig do, and share the
/// load evenly: `replicas = users / (capacity / replicas of the rig)`, in whole ones. Users that think
/// and runs that arrive are not always as many as on average; what that costs is in [`Load`]'s
/// efficiency.
pub(in crate::sizing) fn estimate_pooled(
    asked: &Asked<'_>,
    metric: Option<&MetricModels<'_>>,
    runtime: Option<&Pooled>,
    certainty: Certainty,
) -> Estimate {
    let Asked { target, levels, rig, .. } = *asked;
    let mut result = asked.open(MethodName::Monotone);
    let Some(metric) = metric else {
        let failed = !levels.is_empty() && levels.iter().all(|level| level.interrupted);
        result.reason = Some(if failed {
            "runs failed at every level, and no level with failed runs is in a fit: see what failed, or allow for \
             some failures with concurrency.on_failure: {tolerate: 1%}"
                .to_owned()
        } else {
            NoFit::NotMeasured { metric: target.metric.to_string() }.to_string()
        });
        return result;
    };
    let found = find(asked, metric, runtime, certainty);
    let pooled = found.models.furthest();
    let range = found.drawn.range(|drawn| drawn.concurrency);
    let point = found.drawn.point.concurrency;
    result.proven = Proven { at_least: found.bounds.at_least, below: found.bounds.below };
    result.left_out = found.left_out.map(level_of).into_iter().collect();
    let bounded = found.bounds.below.is_some();
    if pooled.is_a_guess(point) && !bounded {
        result.reason = Some(NoFit::TooFewLevels { usable: 1 }.to_string());
        return result;
    }
    let any_met = super::levels_within(target, levels).next().is_some();
    if range.high < 1.0 && !any_met && !found.doubts.iter().any(|it| it.grade() == Grade::Unsettled)
    {
        let mut alone = observed(target, levels).filter(|(concurrency, _)| *concurrency == 1);
        result.unreachable = true;
        result.reason = Some(match alone.next() {
            Some((concurrency, seconds)) => beyond_reach(target, concurrency, seconds, true),
            None => beyond_reach(target, 1, pooled.at(1.0, target.quantile), false),
        });
        return result;
    }
    let measured = observed(target, levels).map(|(concurrency, _)| f64::from(concurrency));
    let curve_at = |concurrency: f64| CurvePoint {
        concurrency,
        seconds: pooled.at(concurrency, target.quantile),
    };
    let mut curve: Vec<CurvePoint> = measured.chain([point]).map(curve_at).collect();
    curve.sort_by(|a, b| a.concurrency.total_cmp(&b.concurrency));
    result.curve = Some(curve);
    result.confidence = Some(certainty.confidence);
    result.throughput = asked.throughput(point, found.drawn.point.mean_runtime);
    result.extrapolated = asked.is_extrapolated(point);
    let mut doubts = found.doubts.clone();
    let replicas = rig.gpu_count.unwrap_or(1) / rig.gpus_per_replica.max(1);
    let alone = f64::from(replicas.max(1));
    result.capacity = Some(capacity(asked, &found, alone, &mut doubts));
    match asked.load_and_gpus() {
        Ok(known) => count(&mut result, asked, &found, runtime, known, alone),
        Err(reason) => result.reason = Some(reason),
    }
    let grade = result.graded(&doubts);
    result.doubts.extend(result.cross_check.as_ref().and_then(diagnose::other_form));
    if let Some(gpus) = result.gpus.as_mut().filter(|_| grade == Grade::Unsettled) {
        (gpus.recommended, gpus.sum) = (None, None);
    }
    result
}

/// What the models say, within what the levels prove. Where both contradict each other, a level whose
/// absence mends that is left out.
fn find<'m>(
    asked: &Asked<'_>,
    metric: &'m MetricModels<'_>,
    runtime: Option<&Pooled>,
    certainty: Certainty,
) -> Found<'m> {
    let target = asked.target;
    let (quantile, limit) = (target.quantile, target.limit);
    let verdicts: Vec<Verdict> =
        metric.levels.iter().map(|level| Verdict::of(level, &target)).collect();
    let means: Vec<Option<Mean>> = metric.levels.iter().map(|it| mean_of(it, asked)).collect();
    let mut models = &metric.whole;
    let mut drawn = models.capacity(quantile, limit, certainty, runtime);
    let mut bounds = Bounds::of(&verdicts);
    let mut doubts = Vec::new();
    let mut left_out = None;
    let fallen = falls(&means);
    let range = drawn.range(|it| it.concurrency);
    let contradicted = bounds.contradict(range.low, range.high);
    if contradicted || fallen.is_some() || !bounds.contradictions.is_empty() {
        if let Some(index) = mended_without(metric, &verdicts, &means, asked) {
            models = metric.without(index).unwrap_or(models);
            drawn = models.capacity(quantile, limit, certainty, runtime);
            bounds = Bounds::of(&without(&verdicts, index));
            left_out = metric.levels.get(index).map(Level::concurrency);
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
                doubts.push(Doubt::CurveAgainstLevels);
            }
        }
    }
    let mean = |concurrency: f64| runtime.unwrap_or(models.usable()).mean(concurrency);
    let lowest = metric.levels.first().map_or(1.0, Level::concurrency);
    drawn.keep_within(&bounds, lowest, certainty.seed, mean);
    let mut found = Found { models, drawn, bounds, left_out, doubts };
    if found.left_out.is_none() && found.doubts.is_empty() {
        found.doubts.extend(rests_on(&found, metric, asked, certainty));
    }
    found.doubts.extend(of_levels(&found, metric, asked));
    found
}

/// The position of the level without which levels and curve agree, if there is one; of several, the one
/// without which they agree best.
fn mended_without(
    metric: &MetricModels<'_>,
    verdicts: &[Verdict],
    means: &[Option<Mean>],
    asked: &Asked<'_>,
) -> Option<usize> {
    const FEWEST: usize = 3;
    let target = asked.target;
    let usable = metric.levels.iter().filter(|level| level.is_usable()).count();
    let of = |(index, level): (usize, &Level<'_>)| {
        if !level.is_usable() || usable <= FEWEST {
            return None;
        }
        let models = metric.without(index)?;
        let bounds = Bounds::of(&without(verdicts, index));
        let point = models.point(target.quantile, target.limit);
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

fn mean_of(level: &Level<'_>, asked: &Asked<'_>) -> Option<Mean> {
    if !level.is_usable() {
        return None;
    }
    let (mean, error) = level.mean(asked.target.metric)?;
    Some(Mean { concurrency: level.concurrency(), seconds: mean, error })
}

/// Two levels of which the higher one takes less time, beyond chance: the pair that is furthest apart.
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

/// A level without which the answer would be another, by both intervals, though the others still lie
/// around it.
fn rests_on(
    found: &Found<'_>,
    metric: &MetricModels<'_>,
    asked: &Asked<'_>,
    certainty: Certainty,
) -> Option<Doubt> {
    const FEWEST: usize = 3;
    /// Resamples that tell about where an interval ends.
    const ENOUGH: usize = 100;
    let target = asked.target;
    let range = found.drawn.range(|drawn| drawn.concurrency);
    let usable = metric.levels.iter().filter(|level| level.is_usable()).count();
    if usable < FEWEST || found.drawn.point.capped {
        return None;
    }
    let of = |(index, level): (usize, &Level<'_>)| {
        let far = (level.concurrency() / range.point).ln().abs() > NEAR.ln();
        if !level.is_usable() || far {
            return None;
        }
        let models = metric.without(index)?;
        let fewer = Certainty { resamples: certainty.resamples.min(ENOUGH), ..certainty };
        let drawn = models.capacity(target.quantile, target.limit, fewer, None);
        let other = drawn.range(|drawn| drawn.concurrency);
        let inside = other.point <= models.furthest().highest() && other.point >= 1.0;
        // How far apart the two intervals are.
        let gap = (other.low / range.high).max(range.low / other.high).ln();
        let doubt = Doubt::RestsOn { level: level.concurrency(), without: other.point };
        (inside && gap > 0.0).then_some((-gap, doubt))
    };
    let resting = metric.levels.iter().enumerate().filter_map(of);
    resting.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, doubt)| doubt)
}

/// Doubts about the levels that an answer rests on.
fn of_levels(found: &Found<'_>, metric: &MetricModels<'_>, asked: &Asked<'_>) -> Vec<Doubt> {
    let Found { models, drawn, bounds, .. } = found;
    let (pooled, point) = (models.usable(), drawn.point.concurrency.max(1.0));
    let target = asked.target;
    let mut doubts = Vec::new();
    let is_near =
        |level: &&Level<'_>| (level.concurrency() / point).ln().abs() <= NEAR.ln() * (1.0 + 1e-9);
    let near = || metric.levels.iter().filter(is_near);
    let counts =
        |level: &&Level<'_>| level.is_usable() && found.left_out != Some(level.concurrency());
    if range_is_open(found) {
        // Where it ends was not seen at all, which is said elsewhere.
        doubts.extend(of_failures(metric, bounds, point));
        return doubts;
    }
    if near().filter(counts).count() < 2 && bounds.highest().is_none_or(|it| it > NEAR * point) {
        doubts.push(Doubt::FewLevelsNear(point));
    }
    let highest = models.furthest().highest();
    let lowest = metric.levels.iter().filter(counts).map(Level::concurrency).next();
    if point > highest * EDGE || lowest.is_some_and(|lowest| point * EDGE < lowest) {
        let levels = metric.levels.iter().filter(counts).map(Level::concurrency);
        doubts.push(Doubt::Extrapolated { highest: levels.fold(0.0, f64::max) });
    }
    let needed = runs_to_bound(target.quantile.share());
    let runs = pooled.runs_around(point, target.quantile);
    if runs < needed as f64 {
        doubts.push(Doubt::FewRuns { runs, needed });
    }
    if pooled.is_unsteady() {
        doubts.push(Doubt::Unsteady);
    }
    if pooled.between_levels() > 0.0 {
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
        doubts.push(Doubt::Refused { at, carried: bounds.at_least });
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

/// The capacity with its interval, as far as either end is known. `alone` is the load at which every run
/// has a replica of its own.
fn capacity(asked: &Asked<'_>, found: &Found<'_>, alone: f64, doubts: &mut Vec<Doubt>) -> Capacity {
    let Found { drawn, bounds, .. } = found;
    let range = drawn.range(|it| it.concurrency);
    if range_is_open(found) {
        // As far as any figure goes is no figure: what is known is what was carried. Were the rig
        // saturated from the highest level on, it would carry in proportion to the limit.
        let contradicted = found.doubts.iter().any(Doubt::is_contradiction);
        let met = super::levels_within(asked.target, asked.levels).map(f64::from);
        let carried = bounds.at_least.unwrap_or(0.0);
        let carried = if contradicted { carried } else { met.fold(carried, f64::max) };
        let levels = asked.levels.iter().filter(|level| !level.interrupted);
        let highest = levels.map(|level| f64::from(level.concurrency)).fold(0.0, f64::max);
        doubts.push(Doubt::NoEnd { carried, highest });
        let point = if drawn.point.capped { drawn.saturated } else { range.point };
        let at_least = Some(carried).filter(|it| *it > 0.0);
        return Capacity { at_least, ..Capacity::of(point) };
    }
    if range.low < alone {
        doubts.push(Doubt::NearlyAlone);
        let at_most = Some(range.high).filter(|it| *it >= alone);
        let at_least = bounds.at_least;
        return Capacity { at_least, at_most, ..Capacity::of(range.point) };
    }
    doubts.push(Doubt::Wide(range.high / range.low));
    Capacity { low: Some(range.low), high: Some(range.high), ..Capacity::of(range.point) }
}

/// The number of GPUs, with its interval and the check against the other form of the load.
fn count(
    result: &mut Estimate,
    asked: &Asked<'_>,
    found: &Found<'_>,
    runtime: Option<&Pooled>,
    (load, gpu_count): (Load, f64),
    alone: f64,
) {
    let Asked { target, rig, margin, .. } = *asked;
    let Some(capacity) = result.capacity else { return };
    let pooled = found.models.usable();
    let point = capacity.point;
    let mean = |runs: f64| runtime.unwrap_or(pooled).mean(runs);
    let spread = pooled.spread_around(point);
    // Beyond what any figure goes to, nothing is fast enough: a flat curve carries no rate for ever.
    let furthest = if found.drawn.point.capped { point } else { pooled.furthest(target.limit) };
    let furthest = furthest.max(point);
    let fast = |runs: f64| {
        if runs > furthest { 0.0 } else { spread.up_to(target.limit / pooled.mean(runs)) }
    };
    let share = target.quantile.share();
    let efficiency =
        |load: Load| load.efficiency(point, share, &mean, &fast).clamp(f64::EPSILON, 1.0);
    // A replica of one's own is all that a run can be given: what carries less meets no target, and a
    // number is told for the case that it does.
    let reachable = found.drawn.at_least(alone, mean);
    let needed = |load: Load, efficiency: f64, it: Carried| {
        let own = (it.concurrency * efficiency).max(alone);
        load.rigs(own, it.mean_runtime) * gpu_count
    };
    let of_load = |load: Load, efficiency: f64| {
        reachable.range(|it: Carried| 1.0 / needed(load, efficiency, it))
    };
    let whole = |inverse: f64| whole_replicas(1.0 / inverse, rig.gpus_per_replica) as f64;
    let own = efficiency(load);
    let of_capacity = |concurrency: f64| {
        let it = Carried { concurrency, mean_runtime: mean(concurrency), capped: false };
        whole(1.0 / needed(load, own, it))
    };
    let gpus = of_load(load, own);
    let one_sided = capacity.low.is_none();
    let no_end = range_is_open(found);
    let sum = sum(1.0 / gpus.likely, Some(1.0 / gpus.at_least), rig, margin);
    result.gpus = Some(GpuCount {
        point: if found.drawn.point.capped { of_capacity(point) } else { whole(gpus.likely) },
        low: Some(whole(gpus.high)).filter(|_| !no_end),
        high: Some(whole(gpus.low)).filter(|_| !no_end),
        at_least: Some(whole(gpus.high)).filter(|_| one_sided && !no_end),
        at_most: capacity.at_least.filter(|_| no_end).map(of_capacity),
        recommended: Some(sum.with_spares),
        sum: Some(sum),
    });
    if !asked.counts_users && !one_sided {
        let other = other_form(load, found.drawn.point.mean_runtime);
        let others = of_load(other, efficiency(other));
        let (low, high) = (whole(others.high), whole(others.low));
        let differs = whole(gpus.low) < low || whole(gpus.high) > high;
        result.cross_check = Some(cross_check(other, whole(others.point), differs));
    }
}

/// Whether nothing that was measured shows where the capacity ends.
fn range_is_open(found: &Found<'_>) -> bool {
    let range = found.drawn.range(|it| it.concurrency);
    found.drawn.point.capped || found.drawn.is_capped_at(range.high)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a level, which is a u32"
)]
fn level_of(concurrency: f64) -> u32 {
    concurrency as u32
}
