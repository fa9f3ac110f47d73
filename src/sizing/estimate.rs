//! From a fit and a target to a number of GPUs, or the reason why there is none.

use super::{CarriedRange, Certainty, Pooled};
use super::{Fit, Margin, MethodName, NoFit, Rig, Target, fit::NoCapacity};
use crate::measure::{LevelMetrics, Metric, Quantile};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Concurrency that the test rig carries within the target.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Capacity {
    /// The best single figure.
    pub point: f64,
    /// Lower end of the interval; null where the method gives none.
    pub low: Option<f64>,
    /// Upper end of the interval; null where the method gives none.
    pub high: Option<f64>,
}

/// A point of the fitted curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurvePoint {
    /// Runs in flight.
    pub concurrency: f64,
    /// The limited quantile there, in seconds.
    pub seconds: f64,
}

/// GPUs for the target users.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GpuCount {
    /// The best single figure: whole replicas with `monotone`, not rounded with a line.
    pub point: f64,
    /// Lower end of the interval; null where the method gives none.
    pub low: Option<f64>,
    /// Upper end of the interval; null where the method gives none.
    pub high: Option<f64>,
    /// Whole replicas: what to buy. With `monotone`, enough with the confidence asked for; headroom
    /// and spares included.
    pub recommended: u64,
}

/// The estimate for one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The time that is limited.
    pub target: Metric,
    /// The quantile that is limited.
    pub quantile: Quantile,
    /// The limit, in seconds.
    pub limit: f64,
    /// Concurrent users to serve; null when the spec does not say.
    pub users: Option<u64>,
    /// The method that was asked for.
    pub method: MethodName,
    /// The line behind the figure; null where there is none.
    pub fit: Option<Fit>,
    /// The curve behind the figure; null with a line.
    pub curve: Option<Vec<CurvePoint>>,
    /// Probability that the truth lies within the intervals; null where there are none.
    pub confidence: Option<f64>,
    /// What the test rig carries; null where there is no estimate.
    pub capacity: Option<Capacity>,
    /// What the users need; null where there is no estimate.
    pub gpus: Option<GpuCount>,
    /// Whether the capacity lies outside the measured concurrencies.
    pub extrapolated: bool,
    /// Whether the measurements say that no number of GPUs meets this target.
    pub unreachable: bool,
    /// Why there is no estimate; null where there is one.
    pub reason: Option<String>,
}

/// The number to buy over all targets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recommendation {
    /// GPUs in whole replicas; null where there is no estimate or a target cannot be met.
    pub recommended: Option<u64>,
    /// The target that decides; null where there is no recommendation and none is out of reach.
    pub decided_by: Option<Metric>,
    /// What they cost per hour; null without a price or a recommendation.
    pub cost_per_hour: Option<f64>,
}

/// An estimate before anything is known.
fn open(target: Target, users: Option<u64>, method: MethodName) -> Estimate {
    Estimate {
        target: target.metric,
        quantile: target.quantile,
        limit: target.limit,
        users,
        method,
        fit: None,
        curve: None,
        confidence: None,
        capacity: None,
        gpus: None,
        extrapolated: false,
        unreachable: false,
        reason: None,
    }
}

/// Estimates the GPUs for one target from all runs, with an interval.
///
/// Replicas stand side by side behind a load balancer, as those of the test rig do, and each
/// carries the same share of the users: `replicas = users / (capacity / replicas of the rig)`, in
/// whole ones.
pub fn estimate_pooled(
    target: Target,
    users: Option<u64>,
    rig: Rig,
    margin: Margin,
    pooled: Option<&Pooled>,
    certainty: Certainty,
    levels: &[LevelMetrics],
) -> Estimate {
    let mut result = open(target, users, MethodName::Monotone);
    let Some(pooled) = pooled else {
        result.reason = Some(NoFit::NotMeasured { metric: target.metric.to_string() }.to_string());
        return result;
    };
    let range = pooled.capacity(target.quantile, target.limit, certainty);
    let CarriedRange { point, low, high, at_least } = range;
    if pooled.is_a_guess(point) {
        result.reason = Some(NoFit::TooFewLevels { usable: 1 }.to_string());
        return result;
    }
    if high < 1.0 {
        let alone = pooled.at(1.0, target.quantile);
        result.unreachable = true;
        result.reason = Some(beyond_reach(target, alone));
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
    result.capacity = Some(Capacity { point, low: Some(low), high: Some(high) });
    result.extrapolated = !measured_range(target, levels)
        .is_some_and(|(low, high)| (f64::from(low)..=f64::from(high)).contains(&point));
    match (users, rig.gpu_count) {
        (Some(users), Some(gpu_count)) => {
            let needed = |carried: f64| {
                let gpus = users as f64 / carried * f64::from(gpu_count);
                whole_replicas(gpus, rig.gpus_per_replica)
            };
            result.gpus = Some(GpuCount {
                point: needed(point) as f64,
                low: Some(needed(high) as f64),
                high: Some(needed(low) as f64),
                recommended: to_buy(needed(at_least) as f64, rig, margin),
            });
        }
        (users, gpu_count) => result.reason = Some(missing(users.is_none(), gpu_count.is_none())),
    }
    result
}

/// Estimates the GPUs for one target: `capacity = (limit − intercept) / slope`, then
/// `users / capacity × gpu_count` (the reference's slope-based estimate).
///
/// `levels` are all that were measured; those that count are the ones not interrupted.
pub fn estimate(
    target: Target,
    users: Option<u64>,
    rig: Rig,
    margin: Margin,
    method: MethodName,
    fit: &Result<Fit, NoFit>,
    levels: &[LevelMetrics],
) -> Estimate {
    let mut result = Estimate { fit: fit.as_ref().ok().cloned(), ..open(target, users, method) };
    if let Some(reason) = out_of_reach(target, levels) {
        result.unreachable = true;
        result.reason = Some(reason);
        return result;
    }
    let fit = match fit {
        Ok(fit) => fit,
        Err(reason) => {
            result.reason = Some(reason.to_string());
            return result;
        }
    };
    let capacity = match fit.capacity(target.limit) {
        Ok(capacity) => capacity,
        Err(reason) => {
            let met = levels_within(target, levels).next();
            result.unreachable =
                met.is_none() && matches!(reason, NoCapacity::LimitAtOrBelowIntercept { .. });
            result.reason = Some(match met {
                Some(level) => format!(
                    "{reason}. Yet concurrency {level} met the target when measured: the fit does not describe \
                     these levels there"
                ),
                None => reason.to_string(),
            });
            return result;
        }
    };
    result.capacity = Some(Capacity { point: capacity, low: None, high: None });
    result.extrapolated = !measured_range(target, levels)
        .is_some_and(|(low, high)| (f64::from(low)..=f64::from(high)).contains(&capacity));
    match (users, rig.gpu_count) {
        (Some(users), Some(gpu_count)) => {
            let point = users as f64 / capacity * f64::from(gpu_count);
            let recommended = to_buy(point, rig, margin);
            result.gpus = Some(GpuCount { point, low: None, high: None, recommended });
        }
        (users, gpu_count) => result.reason = Some(missing(users.is_none(), gpu_count.is_none())),
    }
    result
}

/// Combines the estimates: the largest count decides; a target out of reach decides alone.
pub fn recommend(estimates: &[Estimate], cost_per_gpu_hour: Option<f64>) -> Recommendation {
    if let Some(estimate) = estimates.iter().find(|estimate| estimate.unreachable) {
        let decided_by = Some(estimate.target);
        return Recommendation { decided_by, ..Recommendation::default() };
    }
    let mut best = Recommendation::default();
    let mut largest = (0, f64::NEG_INFINITY);
    for estimate in estimates {
        let more = |gpus: &GpuCount| (gpus.recommended, gpus.point) > largest;
        if let Some(gpus) = estimate.gpus.filter(more) {
            largest = (gpus.recommended, gpus.point);
            best.recommended = Some(gpus.recommended);
            best.decided_by = Some(estimate.target);
        }
    }
    let price = |gpus: u64| Some(gpus as f64 * cost_per_gpu_hour?);
    best.cost_per_hour = best.recommended.and_then(price);
    best
}

/// The smallest number of whole replicas with at least `gpus` GPUs.
fn whole_replicas(gpus: f64, gpus_per_replica: u32) -> u64 {
    // A count that is whole but for rounding must not cost a further replica.
    let replicas = (gpus / f64::from(gpus_per_replica) * (1.0 - 1e-12)).ceil().max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and a float-to-int cast saturates"
    )]
    let replicas = replicas as u64;
    replicas.saturating_mul(u64::from(gpus_per_replica))
}

/// Whole replicas with headroom and spares.
fn to_buy(gpus: f64, rig: Rig, margin: Margin) -> u64 {
    let spares = u64::from(margin.spares) * u64::from(rig.gpus_per_replica);
    let with_headroom = whole_replicas(gpus * (1.0 + margin.headroom), rig.gpus_per_replica);
    with_headroom.saturating_add(spares)
}

/// With a single run in flight there is no queue to shorten: where even that is too slow, and no
/// level was fast enough, more GPUs of the same kind change nothing.
fn out_of_reach(target: Target, levels: &[LevelMetrics]) -> Option<String> {
    let (_, alone) = observed(target, levels).find(|&(concurrency, _)| concurrency == 1)?;
    (levels_within(target, levels).next().is_none()).then(|| beyond_reach(target, alone))
}

fn beyond_reach(target: Target, alone: f64) -> String {
    format!(
        "no number of GPUs meets this target, since at concurrency 1 the {} is already {alone:.3} s. \
         It takes a faster model, a faster GPU, shorter answers, or a target above that",
        target.quantile
    )
}

/// Lowest and highest concurrency that count for a target.
fn measured_range(target: Target, levels: &[LevelMetrics]) -> Option<(u32, u32)> {
    let usable = || observed(target, levels).map(|(concurrency, _)| concurrency);
    Some((usable().min()?, usable().max()?))
}

/// Concurrency and observed seconds of each level that counts for a target.
fn observed(target: Target, levels: &[LevelMetrics]) -> impl Iterator<Item = (u32, f64)> {
    levels.iter().filter(|level| !level.interrupted).filter_map(move |level| {
        Some((level.concurrency, level.metric(target.metric)?.at(target.quantile)))
    })
}

/// The concurrencies that met a target when they were measured.
fn levels_within(target: Target, levels: &[LevelMetrics]) -> impl Iterator<Item = u32> {
    observed(target, levels)
        .filter(move |&(_, seconds)| seconds <= target.limit)
        .map(|(concurrency, _)| concurrency)
}

fn missing(users: bool, gpu_count: bool) -> String {
    let what = match (users, gpu_count) {
        (true, true) => "targets.users and test.gpu_count are",
        (true, false) => "targets.users is",
        _ => "test.gpu_count is",
    };
    format!(
        "{what} not set: the capacity of the test rig is known, the number of GPUs needs that too"
    )
}
