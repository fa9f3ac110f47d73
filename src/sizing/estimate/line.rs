//! Estimate from a straight line, as the reference calculator makes it.

use super::beside::of_other_limits;
use super::buy::{cross_check, other_form, sum};
use super::{
    Answer, Capacity, Estimate, GpuCount, ProvenBounds, TargetQuestion, levels_within, observed,
};
use crate::measure::{LevelMetrics, Metric};
use crate::sizing::curve::{Curve, MeanPoint, Shape};
use crate::sizing::evidence::Evidence;
use crate::sizing::finding::Finding;
use crate::sizing::fit::{Fit, NoCapacity, NoFit};
use crate::sizing::grade::Doubt;
use crate::sizing::method::MethodName;
use crate::sizing::verdict::{Bounds, Verdict};
use crate::sizing::{Load, Target};

/// Factor outside the interval of the curve from which a line is weak.
const FAR: f64 = 1.25;

/// Estimates the GPUs for one target: `capacity = (limit − intercept) / slope`, then
/// `users / capacity × gpu_count` (the reference's slope-based estimate). Users that think and runs
/// that arrive count as many as are in flight on average: a line knows nothing of the distribution
/// of single runs.
pub(in crate::sizing) fn estimate(
    asked: &TargetQuestion<'_>,
    method: MethodName,
    fit: &Result<Fit, NoFit>,
) -> Estimate {
    let answer = answer(asked, fit);
    let carried = answer.capacity().and_then(|capacity| capacity.point);
    Estimate {
        fit: fit.as_ref().ok().cloned(),
        extrapolated: carried.is_some_and(|carried| asked.is_extrapolated(carried)),
        ..asked.estimate(method, answer)
    }
}

impl TargetQuestion<'_> {
    /// Estimates the GPUs from a straight line of any method, and grades the estimate by what the levels prove.
    pub fn by_line(&self, evidence: &Evidence<'_>, fit: &Result<Fit, NoFit>) -> Estimate {
        let mut found = estimate(self, evidence.method(), fit);
        let levels = evidence.with_runs();
        let verdicts: Vec<_> = levels.iter().map(|it| Verdict::of(it, &self.target)).collect();
        grade_line(&mut found, self, &Bounds::of(&verdicts), None);
        found
    }
}

fn answer(asked: &TargetQuestion<'_>, fit: &Result<Fit, NoFit>) -> Answer {
    let TargetQuestion { target, rig, margin, levels, .. } = *asked;
    if let Some(reason) = out_of_reach(target, levels) {
        return Answer::OutOfReach { reason };
    }
    let fit = match fit {
        Ok(fit) => fit,
        Err(reason) => return Answer::none(Finding::Unfitted { reason: reason.clone() }),
    };
    let carried = match fit.capacity(target.seconds()) {
        Ok(carried) => carried,
        Err(reason) => {
            let met = levels_within(target, levels).next();
            let too_low = matches!(reason, NoCapacity::LimitAtOrBelowIntercept { .. });
            let reason = Finding::NoCapacity { reason, met };
            return if met.is_none() && too_low {
                Answer::OutOfReach { reason }
            } else {
                Answer::none(reason)
            };
        }
    };
    let capacity = Capacity::of(carried);
    let mean_runtime = mean_runtime(levels, carried);
    let throughput = mean_runtime.map(|mean| carried / mean);
    let reason = match (asked.load_and_gpus(), mean_runtime) {
        (Ok((load, gpu_count)), Some(mean)) => {
            let needed = |load: Load| load.rigs(carried, mean) * gpu_count;
            let point = needed(load);
            let sum = sum(point, None, rig, margin);
            let gpus = GpuCount {
                point: Some(point),
                low: None,
                high: None,
                at_least: None,
                at_most: None,
                recommended: Some(sum.with_spares),
                sum: Some(sum),
            };
            let other = other_form(load, mean);
            let of_other = needed(other);
            let differs = (of_other / point - 1.0).abs() > 0.5;
            let cross_check = (!asked.counts_users).then(|| cross_check(other, of_other, differs));
            return Answer::Gpus { capacity, throughput, gpus, cross_check };
        }
        (Err(reason), _) => reason,
        (_, None) => Finding::NothingTimed,
    };
    Answer::CapacityOnly { capacity, throughput, reason }
}

/// Compares a line's answer with the bounds that the levels prove, and with the interval of the
/// curve through all runs, if there is one: an answer outside of it gets the interval over both.
pub(in crate::sizing) fn grade_line(
    result: &mut Estimate,
    asked: &TargetQuestion<'_>,
    bounds: &Bounds,
    curve: Option<(f64, f64)>,
) {
    let Some(point) = result.answer.capacity().and_then(|capacity| capacity.point) else { return };
    result.proven = ProvenBounds { at_least: bounds.at_least, below: bounds.below };
    let mut doubts = vec![Doubt::NoInterval];
    if bounds.contradict(point, point) {
        let (at_least, below) = (bounds.at_least, bounds.below);
        doubts.push(Doubt::LineAgainstLevels { at_least, below });
    }
    for &(missed, met) in bounds.contradictions.iter().take(1) {
        doubts.push(Doubt::Contradiction { missed, met });
    }
    if result.extrapolated {
        let usable = || asked.levels.iter().filter(|level| !level.interrupted);
        let of_levels = || usable().map(|level| f64::from(level.concurrency));
        let (highest, lowest) =
            (of_levels().fold(0.0, f64::max), of_levels().fold(f64::INFINITY, f64::min));
        doubts.push(Doubt::Extrapolated { measured: (lowest, highest), point });
    }
    if let Some((low, high)) = curve.filter(|(low, high)| point < *low || point > *high) {
        let far = point > FAR * high || point * FAR < low;
        doubts.push(Doubt::MethodsDisagree { low, high, far });
        spread(result, low.min(point), high.max(point));
    }
    doubts.extend(of_other_limits(asked, point, true));
    result.graded(&doubts, asked);
}

/// Sets the interval of the capacity, and that of the GPUs in proportion to it.
fn spread(result: &mut Estimate, low: f64, high: f64) {
    let (Answer::Gpus { capacity, .. } | Answer::CapacityOnly { capacity, .. }) =
        &mut result.answer
    else {
        return;
    };
    (capacity.low, capacity.high) = (Some(low), Some(high));
    if let Answer::Gpus { capacity: Capacity { point: Some(point), .. }, gpus, .. } =
        &mut result.answer
    {
        let at = |carried: f64| Some(gpus.point? * *point / carried);
        (gpus.low, gpus.high) = (at(high), at(low));
    }
}

/// Returns the mean runtime at a concurrency, in seconds, from the levels' own means.
fn mean_runtime(levels: &[LevelMetrics], concurrency: f64) -> Option<f64> {
    let usable = levels.iter().filter(|level| !level.interrupted);
    let seen = usable.filter_map(|level| MeanPoint::of(level, Metric::WorkflowRuntime));
    let curve = Curve::fit(&seen.collect::<Vec<_>>(), Shape::ClosedLoop)?;
    Some(curve.at(concurrency)).filter(|mean| *mean > 0.0)
}

/// Explains why a target is out of reach: with a single run in flight there is no queue to shorten,
/// so if even that is too slow, and no level was fast enough, more GPUs of the same kind change
/// nothing.
fn out_of_reach(target: Target, levels: &[LevelMetrics]) -> Option<Finding> {
    let (_, seconds) = observed(target, levels).find(|&(concurrency, _)| concurrency == 1)?;
    (levels_within(target, levels).next().is_none()).then_some(Finding::OutOfReach {
        quantile: target.quantile,
        concurrency: 1,
        seconds,
        measured: true,
    })
}
