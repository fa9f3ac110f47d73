//! The estimate of the method `monotone`: from the capacity found to a number of GPUs.

use super::beside::of_other_limits;
use super::buy::{cross_check, other_form, settled_runtime, sum, whole_replicas};
use super::capacity_estimate::CapacityEstimate;
use super::find::find;
use super::refit::MetricModels;
use super::uncontended::UncontendedLoads;
use super::{
    Answer, Capacity, CrossCheck, CurvePoint, Estimate, GpuCount, ProvenBounds, TargetQuestion,
    observed,
};
use crate::measure::Span;
use crate::sizing::diagnose;
use crate::sizing::finding::Finding;
use crate::sizing::fit::NoFit;
use crate::sizing::grade::Doubt;
use crate::sizing::method::MethodName;
use crate::sizing::remembered::Remembered;
use crate::sizing::{CapacityPoint, Certainty, Grade, Load, PooledModel, Target};
use std::rc::Rc;

/// Share of the lowest level below which a load is one that no level shows.
const BELOW_ALL: f64 = 0.9;

/// Capacities that were found, each for a target.
pub(in crate::sizing) type FoundCapacities = Remembered<(Target, Certainty), Rc<CapacityEstimate>>;

/// Estimates the GPUs for one target from all runs, with an interval. `runtime` is the model of
/// whole runs, if another metric is limited.
///
/// Replicas stand side by side behind a load balancer, as those of the test rig do, and share the
/// load evenly: `replicas = users / (capacity / replicas of the rig)`, in whole ones. Users that
/// think and runs that arrive are not always as many as on average; the cost of that is in
/// [`Load`]'s efficiency. The capacity depends on the target alone: `found` remembers it for other loads.
pub(in crate::sizing) fn estimate_pooled(
    asked: &TargetQuestion<'_>,
    metric: Option<&MetricModels<'_>>,
    runtime: Option<&PooledModel>,
    certainty: Certainty,
    found: &FoundCapacities,
) -> Estimate {
    let TargetQuestion { target, levels, .. } = *asked;
    let Some(metric) = metric else {
        let reason = NoFit::NotMeasured { metric: target.metric.to_string() };
        return asked.estimate(MethodName::Monotone, Answer::none(Finding::Unfitted { reason }));
    };
    let make = || Rc::new(find(target, metric, runtime, certainty));
    let found = found.or_make((target, certainty), make);
    let pooled = found.models.furthest();
    let range = found.drawn.range(|drawn| drawn.concurrency);
    let point = found.drawn.point.concurrency;
    let with = |answer: Answer| Estimate {
        proven: ProvenBounds { at_least: found.bounds.at_least, below: found.bounds.below },
        left_out: found.left_out.map(level_of).into_iter().collect(),
        ..asked.estimate(MethodName::Monotone, answer)
    };
    let bounded = found.bounds.below.is_some();
    if pooled.is_a_guess(point) && !bounded {
        let reason = NoFit::TooFewLevels { usable: 1 };
        return with(Answer::none(Finding::Unfitted { reason }));
    }
    let any_met = super::levels_within(target, levels).next().is_some();
    if range.high < 1.0 && !any_met && !found.doubts.iter().any(|it| it.grade() == Grade::Unsettled)
    {
        let mut alone = observed(target, levels).filter(|(concurrency, _)| *concurrency == 1);
        let quantile = target.quantile;
        let (concurrency, seconds, measured) = match alone.next() {
            Some((concurrency, seconds)) => (concurrency, seconds, true),
            None => (1, pooled.at(1.0, quantile), false),
        };
        let reason = Finding::OutOfReach { quantile, concurrency, seconds, measured };
        return with(Answer::OutOfReach { reason });
    }
    let measured = observed(target, levels).map(|(concurrency, _)| f64::from(concurrency));
    let curve_at = |concurrency: f64| CurvePoint {
        concurrency,
        seconds: pooled.at(concurrency, target.quantile),
    };
    let mut curve: Vec<CurvePoint> = measured.chain([point]).map(curve_at).collect();
    curve.sort_by(|a, b| a.concurrency.total_cmp(&b.concurrency));
    let mut doubts = found.doubts.clone();
    doubts.extend(of_other_limits(asked, point, false));
    let alone = UncontendedLoads::of(asked, &metric.levels, &found.bounds);
    let capacity = capacity(asked, &found, alone, &mut doubts);
    let throughput = asked.throughput(point, found.drawn.point.mean_runtime);
    let answer = match asked.load_and_gpus() {
        Ok(known) => match count(asked, &found, capacity, runtime, known, alone) {
            Some((gpus, cross_check)) => Answer::Gpus { capacity, throughput, gpus, cross_check },
            None => Answer::none(Finding::NoRoomForChance),
        },
        Err(reason) => Answer::CapacityOnly { capacity, throughput, reason },
    };
    let mut result = Estimate {
        curve: Some(curve),
        confidence: Some(certainty.confidence),
        extrapolated: asked.is_extrapolated(point),
        ..with(answer)
    };
    let grade = result.graded(&doubts, asked);
    result.doubts.extend(result.answer.cross_check().as_ref().and_then(diagnose::other_form));
    if let (Answer::Gpus { gpus, .. }, Grade::Unsettled) = (&mut result.answer, grade) {
        (gpus.recommended, gpus.sum) = (None, None);
    }
    result
}

/// Returns the capacity with its interval, as far as either end is known, and adds the doubts about
/// it.
fn capacity(
    asked: &TargetQuestion<'_>,
    found: &CapacityEstimate,
    alone: UncontendedLoads,
    doubts: &mut Vec<Doubt>,
) -> Capacity {
    let CapacityEstimate { drawn, bounds, .. } = found;
    let range = drawn.range(|it| it.concurrency);
    if found.is_open() {
        // As far as any figure goes is no figure: what is known is what was carried. Were the rig
        // saturated from the highest level on, it would carry in proportion to the limit.
        // Nor is a quantile known of runs some of which were given up within the limit.
        let is_unknown = |it: &Doubt| it.is_contradiction() || matches!(it, Doubt::GivenUp { .. });
        let contradicted = found.doubts.iter().any(is_unknown);
        let met = super::levels_within(asked.target, asked.levels).map(f64::from);
        // Times of the runs that succeeded say nothing beyond where failures miss the limit.
        let met = met.filter(|level| bounds.below.is_none_or(|below| *level < below));
        let carried = bounds.at_least.unwrap_or(0.0);
        let carried = if contradicted { carried } else { met.fold(carried, f64::max) };
        let levels = asked.levels.iter().filter(|level| !level.interrupted);
        let highest = levels.map(|level| f64::from(level.concurrency)).fold(0.0, f64::max);
        let above = asked.levels.iter().map(|level| f64::from(level.concurrency));
        let failed = above.filter(|level| *level > highest).reduce(f64::min);
        doubts.push(Doubt::NoEnd { carried, highest, failed });
        let point = if drawn.point.capped { drawn.saturated } else { range.point };
        let at_least = Some(carried).filter(|it| *it > 0.0);
        return Capacity { at_least, ..Capacity::of(point) };
    }
    let UncontendedLoads { replicas, .. } = alone;
    if range.low < replicas && !alone.is_carried() {
        doubts.push(if alone.is_shared() {
            Doubt::SharedReplicas { replicas, carried: (range.low, range.high) }
        } else {
            Doubt::NearlyAlone
        });
        // What the model makes of runs that nearly miss the limit alone is no bound.
        let at_most = bounds.highest().filter(|it| *it >= replicas || alone.is_shared());
        let at_least = bounds.at_least;
        return Capacity { at_least, at_most, ..Capacity::of(range.point) };
    }
    // A run with a replica of its own keeps the limit, so what levels show of that is the least.
    let least = if alone.is_carried() { replicas } else { 0.0 };
    let (low, high) = (range.low.max(least), range.high.max(least));
    doubts.push(Doubt::Wide(high / low));
    Capacity { low: Some(low), high: Some(high), ..Capacity::of(range.point.max(least)) }
}

/// Returns the number of GPUs with its interval, and the cross-check with the other form of the load;
/// `None` if no number suffices for a load that fluctuates.
fn count(
    asked: &TargetQuestion<'_>,
    found: &CapacityEstimate,
    capacity: Capacity,
    runtime: Option<&PooledModel>,
    (load, gpu_count): (Load, f64),
    alone: UncontendedLoads,
) -> Option<(GpuCount, Option<CrossCheck>)> {
    let TargetQuestion { target, rig, margin, .. } = *asked;
    let point = capacity.point?;
    let pooled = found.models.usable();
    // A run that has a rig for itself part of the time takes no less.
    let mean = |runs: f64| runtime.unwrap_or(pooled).mean(runs.max(1.0));
    let within = pooled.within(target.seconds(), target.quantile.share());
    // Beyond what any figure goes to, nothing is fast enough: a flat curve carries no rate for ever.
    let furthest = if found.drawn.point.capped { point } else { pooled.furthest(target.seconds()) };
    // Nor is anything beyond what a server takes.
    let taken = found.bounds.highest().filter(|_| found.bounds.refused());
    let furthest = furthest.max(point).min(taken.unwrap_or(f64::INFINITY));
    // What was seen of runs that have a replica to themselves is no less for what others wait elsewhere.
    let lone = alone.keeps.unwrap_or(0.0);
    let fast = |runs: f64| match runs {
        runs if runs > furthest => 0.0,
        runs if runs <= alone.replicas => within.at(runs).max(lone),
        runs => within.at(runs),
    };
    let (is_carried, alone) = (alone.is_carried(), alone.replicas);
    let share = target.quantile.share();
    let efficiency = |load: Load| {
        let of = load.efficiency(point, share, &mean, &fast)?;
        Some(of.clamp(f64::EPSILON, 1.0))
    };
    // A replica of one's own is all that a run can be given: what carries less meets no target, and a
    // number is told for the case that it does.
    let reachable =
        if is_carried { found.drawn.clone() } else { found.drawn.at_least(alone, mean) };
    let needed = |load: Load, efficiency: f64, it: CapacityPoint| {
        // Users need no more than a replica each; runs that arrive do, since the next one needs a free one too.
        let own = it.concurrency.max(alone) * efficiency;
        let rigs = load.rigs(own, it.mean_runtime);
        let most = match load {
            Load::Users { users, .. } => users as f64 / alone,
            Load::Rate { .. } => f64::INFINITY,
        };
        rigs.min(most) * gpu_count
    };
    let of_load = |load: Load, efficiency: f64| {
        reachable.range(|it: CapacityPoint| 1.0 / needed(load, efficiency, it))
    };
    let whole = |inverse: f64| whole_replicas(1.0 / inverse, rig.gpus_per_replica) as f64;
    let own = efficiency(load)?;
    let of_capacity = |concurrency: f64| {
        let it = CapacityPoint { concurrency, mean_runtime: mean(concurrency), capped: false };
        whole(1.0 / needed(load, own, it))
    };
    let gpus = of_load(load, own);
    // The model of the first token misses the load by more than what leaning to the safe side is worth.
    let best = if target.metric.span() == Span::FirstToken { gpus.point } else { gpus.likely };
    let one_sided = capacity.low.is_none();
    let no_end = found.is_open();
    let sum = sum(1.0 / best, Some(1.0 / gpus.at_least), rig, margin);
    let count = GpuCount {
        point: Some(if found.drawn.point.capped { of_capacity(point) } else { whole(best) }),
        low: Some(whole(gpus.high)).filter(|_| !no_end && !one_sided),
        high: Some(whole(gpus.low)).filter(|_| !no_end && !one_sided),
        at_least: capacity.at_most.filter(|_| one_sided && !no_end).map(of_capacity),
        at_most: capacity.at_least.filter(|_| no_end || one_sided).map(of_capacity),
        recommended: Some(sum.with_spares),
        sum: Some(sum),
    };
    let other_form_needs = || {
        if asked.counts_users || one_sided {
            return None;
        }
        let rigs = 1.0 / (best * gpu_count);
        let mean_runtime = match load {
            Load::Rate { per_second } => settled_runtime(per_second, rigs, mean),
            Load::Users { .. } => found.drawn.point.mean_runtime,
        };
        let lowest = asked.levels.iter().map(|level| level.concurrency).min();
        let lowest = BELOW_ALL * f64::from(lowest.unwrap_or(1));
        // Where all levels queue, nothing shows how long a run takes at fewer, and so how many there would be.
        if matches!(load, Load::Rate { per_second } if per_second * mean_runtime / rigs < lowest) {
            return None;
        }
        let other = other_form(load, mean_runtime);
        let of_other = efficiency(other)?;
        let others = of_load(other, of_other);
        let (low, high) = (whole(others.high), whole(others.low));
        let differs = whole(gpus.low) < low || whole(gpus.high) > high;
        Some(cross_check(other, whole(others.point), differs))
    };
    Some((count, other_form_needs()))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a level, which is a u32"
)]
fn level_of(concurrency: f64) -> u32 {
    concurrency as u32
}
