//! From a fit and a target to a number of GPUs, or the reason why there is none.

use super::curve::{Curve, Seen, Shape};
use super::fit::{Fit, MethodName, NoCapacity, NoFit};
use super::{Carried, Certainty, Load, Margin, Pooled, Rig, Target};
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

/// A load in the form in which the spec does not give it, by Little's law at the limit: users as
/// random arrivals, arrivals as concurrent users.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CrossCheck {
    /// Runs per second; null where the spec gives those.
    pub request_rate: Option<f64>,
    /// Runs in flight; null where the spec gives users.
    pub concurrent: Option<f64>,
    /// GPUs that it would need.
    pub gpus: f64,
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
    /// Users to serve; null when the spec does not say.
    pub users: Option<u64>,
    /// Time that they take between two runs, in seconds; null where they are concurrent runs.
    #[serde(default)]
    pub think_time: Option<f64>,
    /// Runs to serve per second; null when the spec does not say.
    #[serde(default)]
    pub request_rate: Option<f64>,
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
    /// Runs per second that it serves at that concurrency; null where there is no estimate.
    #[serde(default)]
    pub throughput: Option<f64>,
    /// What the load needs; null where there is no estimate.
    pub gpus: Option<GpuCount>,
    /// The same load in the other form, and what that would need; null where there is no estimate.
    #[serde(default)]
    pub cross_check: Option<CrossCheck>,
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

/// What is asked about one target.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The limit.
    pub target: Target,
    /// The load to be served.
    pub load: Option<Load>,
    /// What it was measured on.
    pub rig: Rig,
    /// What is bought beyond the need.
    pub margin: Margin,
    /// All levels, the interrupted ones too.
    pub levels: &'a [LevelMetrics],
}

impl Asked<'_> {
    /// An estimate before anything is known.
    fn open(&self, method: MethodName) -> Estimate {
        let (users, think_time, request_rate) = match self.load {
            Some(Load::Users { users, think }) => (Some(users), Some(think), None),
            Some(Load::Rate { per_second }) => (None, None, Some(per_second)),
            None => (None, None, None),
        };
        Estimate {
            target: self.target.metric,
            quantile: self.target.quantile,
            limit: self.target.limit,
            users,
            think_time: think_time.filter(|think| *think > 0.0),
            request_rate,
            method,
            fit: None,
            curve: None,
            confidence: None,
            capacity: None,
            throughput: None,
            gpus: None,
            cross_check: None,
            extrapolated: false,
            unreachable: false,
            reason: None,
        }
    }

    fn is_extrapolated(&self, capacity: f64) -> bool {
        let range = measured_range(self.target, self.levels);
        !range.is_some_and(|(low, high)| (f64::from(low)..=f64::from(high)).contains(&capacity))
    }

    /// Load and GPUs of the rig, or what is missing for a number of GPUs.
    fn load_and_gpus(&self) -> Result<(Load, f64), String> {
        match (self.load, self.rig.gpu_count) {
            (Some(load), Some(gpu_count)) => Ok((load, f64::from(gpu_count))),
            (load, gpu_count) => Err(missing(load.is_none(), gpu_count.is_none())),
        }
    }
}

/// Estimates the GPUs for one target from all runs, with an interval. `runtime` is what was observed
/// of whole runs, whatever is limited.
///
/// Replicas stand side by side behind a load balancer, as those of the test rig do, and share the
/// load evenly: `replicas = users / (capacity / replicas of the rig)`, in whole ones. Users that think
/// and runs that arrive are not always as many as on average; what that costs is in [`Load`]'s
/// efficiency.
pub fn estimate_pooled(
    asked: &Asked<'_>,
    pooled: Option<&Pooled>,
    runtime: Option<&Pooled>,
    certainty: Certainty,
) -> Estimate {
    let Asked { target, rig, margin, levels, .. } = *asked;
    let mut result = asked.open(MethodName::Monotone);
    let Some(pooled) = pooled else {
        result.reason = Some(NoFit::NotMeasured { metric: target.metric.to_string() }.to_string());
        return result;
    };
    let carried = pooled.capacity(target.quantile, target.limit, certainty, runtime);
    let range = carried.range(|drawn| drawn.concurrency);
    let point = range.point;
    if pooled.is_a_guess(point) {
        result.reason = Some(NoFit::TooFewLevels { usable: 1 }.to_string());
        return result;
    }
    if range.high < 1.0 {
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
    result.capacity = Some(Capacity { point, low: Some(range.low), high: Some(range.high) });
    result.throughput = Some(point / carried.point.mean_runtime);
    result.extrapolated = asked.is_extrapolated(point);
    let (load, gpu_count) = match asked.load_and_gpus() {
        Ok(known) => known,
        Err(reason) => {
            result.reason = Some(reason);
            return result;
        }
    };
    let mean = |runs: f64| runtime.unwrap_or(pooled).mean(runs);
    let spread = pooled.spread_around(point);
    let fast = |runs: f64| spread.up_to(target.limit / pooled.mean(runs));
    let efficiency = |load: Load| {
        load.efficiency(point, target.quantile.share(), &mean, &fast).max(f64::EPSILON)
    };
    // A replica of one's own is all that a run can be given.
    let alone = (gpu_count / f64::from(rig.gpus_per_replica)).max(1.0);
    let needed = |load: Load, efficiency: f64, drawn: Carried| {
        load.rigs((drawn.concurrency * efficiency).max(alone), drawn.mean_runtime) * gpu_count
    };
    let own = efficiency(load);
    let gpus = carried.range(|drawn| 1.0 / needed(load, own, drawn));
    let whole = |inverse: f64| whole_replicas(1.0 / inverse, rig.gpus_per_replica) as f64;
    result.gpus = Some(GpuCount {
        point: whole(gpus.likely),
        low: Some(whole(gpus.high)),
        high: Some(whole(gpus.low)),
        recommended: to_buy(whole(gpus.at_least), rig, margin),
    });
    let other = other_form(load, carried.point.mean_runtime);
    let gpus = needed(other, efficiency(other), carried.point);
    result.cross_check =
        Some(cross_check(other, whole_replicas(gpus, rig.gpus_per_replica) as f64));
    result
}

/// Users as arrivals per second, arrivals as concurrent users, where runs take so long on average.
fn other_form(load: Load, mean_runtime: f64) -> Load {
    match load {
        Load::Users { users, think } => {
            Load::Rate { per_second: users as f64 / (mean_runtime + think) }
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and a float-to-int cast saturates"
        )]
        Load::Rate { per_second } => {
            Load::Users { users: (per_second * mean_runtime).ceil().max(1.0) as u64, think: 0.0 }
        }
    }
}

fn cross_check(other: Load, gpus: f64) -> CrossCheck {
    match other {
        Load::Users { users, .. } => {
            CrossCheck { request_rate: None, concurrent: Some(users as f64), gpus }
        }
        Load::Rate { per_second } => {
            CrossCheck { request_rate: Some(per_second), concurrent: None, gpus }
        }
    }
}

/// Estimates the GPUs for one target: `capacity = (limit − intercept) / slope`, then
/// `users / capacity × gpu_count` (the reference's slope-based estimate). Users that think and runs
/// that arrive count as many as are in flight on average: a line knows nothing of how single runs
/// are spread.
pub fn estimate(asked: &Asked<'_>, method: MethodName, fit: &Result<Fit, NoFit>) -> Estimate {
    let Asked { target, rig, margin, levels, .. } = *asked;
    let mut result = Estimate { fit: fit.as_ref().ok().cloned(), ..asked.open(method) };
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
    result.extrapolated = asked.is_extrapolated(capacity);
    let mean_runtime = mean_runtime(levels, capacity);
    result.throughput = mean_runtime.map(|mean| capacity / mean);
    match (asked.load_and_gpus(), mean_runtime) {
        (Ok((load, gpu_count)), Some(mean)) => {
            let needed = |load: Load| load.rigs(capacity, mean) * gpu_count;
            let point = needed(load);
            let recommended = to_buy(point, rig, margin);
            result.gpus = Some(GpuCount { point, low: None, high: None, recommended });
            let other = other_form(load, mean);
            result.cross_check = Some(cross_check(other, needed(other)));
        }
        (Err(reason), _) => result.reason = Some(reason),
        (_, None) => {
            result.reason = Some("no run was timed, so nothing says how many are in flight".into());
        }
    }
    result
}

/// Mean runtime at a concurrency, in seconds, by the levels' own means.
fn mean_runtime(levels: &[LevelMetrics], concurrency: f64) -> Option<f64> {
    let usable = levels.iter().filter(|level| !level.interrupted);
    let seen = usable.filter_map(|level| Seen::of(level, Metric::WorkflowRuntime));
    let curve = Curve::fit(&seen.collect::<Vec<_>>(), Shape::ClosedLoop)?;
    Some(curve.at(concurrency)).filter(|mean| *mean > 0.0)
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

fn missing(load: bool, gpu_count: bool) -> String {
    let what = match (load, gpu_count) {
        (true, true) => "targets.users and test.gpu_count are",
        (true, false) => "targets.users is",
        _ => "test.gpu_count is",
    };
    format!(
        "{what} not set: the capacity of the test rig is known, the number of GPUs needs that too"
    )
}
