//! Estimates: from a fit or a model and a target to a number of GPUs, or the reason why there is
//! none.

mod alone;
mod buy;
mod doubts;
mod find;
mod found;
mod line;
mod parts;
mod pooled;
mod refit;
mod steps;
mod tail;

pub use buy::recommend;
pub(super) use line::{estimate, grade_line};
pub(super) use pooled::estimate_pooled;
pub(super) use refit::MetricModels;

use super::advice::Words;
use super::fit::Fit;
use super::grade::{Doubt, grade};
use super::method::MethodName;
use super::{Grade, Load, Margin, Plan, Rig, Target};
use crate::measure::{LevelMetrics, Metric, Quantile};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Concurrency that the test rig carries within the target.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Capacity {
    /// Best single figure; null if `what-if` shows an unsettled answer, of which only the ends are
    /// known.
    pub point: Option<f64>,
    /// Lower end of the interval; null if the method gives none, or only one end is known.
    pub low: Option<f64>,
    /// Upper end of the interval; null if the method gives none, or only one end is known.
    pub high: Option<f64>,
    /// Load that is known to be carried, if nothing that was measured shows where the capacity
    /// ends.
    #[serde(default)]
    pub at_least: Option<f64>,
    /// Load that is known not to be exceeded, if nothing shows that any run is fast enough.
    #[serde(default)]
    pub at_most: Option<f64>,
}

/// A point of the fitted curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurvePoint {
    /// Runs in flight.
    pub concurrency: f64,
    /// Limited quantile there, in seconds.
    pub seconds: f64,
}

/// GPUs for the target load.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GpuCount {
    /// Best single figure: whole replicas with `monotone`, not rounded with a line; null if
    /// `what-if` shows an unsettled answer, of which it would be no more than a guess.
    pub point: Option<f64>,
    /// Lower end of the interval; null if the method gives none, or only one end is known.
    pub low: Option<f64>,
    /// Upper end of the interval; null if the method gives none, or only one end is known.
    pub high: Option<f64>,
    /// Number that is needed at least, if more may be, or no number is enough.
    #[serde(default)]
    pub at_least: Option<f64>,
    /// Number that is enough, if nothing that was measured shows that fewer are not.
    #[serde(default)]
    pub at_most: Option<f64>,
    /// Number to buy in whole replicas, with headroom and spares; null if the answer is unsettled.
    pub recommended: Option<u64>,
    /// Derivation of `recommended`; null if the answer is unsettled.
    #[serde(default)]
    pub sum: Option<Sum>,
}

/// Derivation of the number to buy from the need, in GPUs; each step is at least the one before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sum {
    /// Best single figure before it is rounded.
    pub needed: f64,
    /// The need in whole replicas.
    pub whole_replicas: u64,
    /// Whole replicas that are enough with the requested confidence; null if the method gives no
    /// interval. The steps after this one are policy, not confidence.
    pub with_confidence: Option<u64>,
    /// Number with the requested headroom.
    pub with_headroom: u64,
    /// Number with the requested spare replicas: the recommendation.
    pub with_spares: u64,
}

/// The load in the form that the spec does not use, by Little's law at the limit: users as random
/// arrivals, arrivals as concurrent users.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CrossCheck {
    /// Runs per second; null if the spec gives these.
    pub request_rate: Option<f64>,
    /// Runs in flight; null if the spec gives users.
    pub concurrent: Option<f64>,
    /// GPUs that it would need.
    pub gpus: f64,
    /// True if that lies outside the interval of the estimate, and the estimate outside its
    /// interval.
    #[serde(default)]
    pub differs: bool,
}

/// Estimate for one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// Metric that is limited.
    pub target: Metric,
    /// Quantile that is limited.
    pub quantile: Quantile,
    /// Limit in seconds.
    pub limit: f64,
    /// Users to serve; null if the spec does not say.
    pub users: Option<u64>,
    /// Time that they take between two runs, in seconds; null if they are concurrent runs.
    #[serde(default)]
    pub think_time: Option<f64>,
    /// Runs to serve per second; null if the spec does not say.
    #[serde(default)]
    pub request_rate: Option<f64>,
    /// True if the levels, and so the capacity, count users, who do not all have a run in flight.
    #[serde(default)]
    pub counts_users: bool,
    /// Method of the estimate.
    pub method: MethodName,
    /// Line behind the figure; null if there is none.
    pub fit: Option<Fit>,
    /// Curve behind the figure; null with a line.
    pub curve: Option<Vec<CurvePoint>>,
    /// Probability that the truth lies within the intervals; null if there are none.
    pub confidence: Option<f64>,
    /// Capacity of the test rig; null if there is no estimate.
    pub capacity: Option<Capacity>,
    /// Runs per second that it serves at that concurrency; null if there is no estimate.
    #[serde(default)]
    pub throughput: Option<f64>,
    /// GPUs that the load needs; null if there is no estimate.
    pub gpus: Option<GpuCount>,
    /// The same load in the other form, with its need; null if there is no estimate.
    #[serde(default)]
    pub cross_check: Option<CrossCheck>,
    /// Grade of the answer; null if there is none.
    #[serde(default)]
    pub grade: Option<Grade>,
    /// Reasons why the grade is not better, in sentences.
    #[serde(default)]
    pub doubts: Vec<String>,
    /// Levels that would tell more about it.
    #[serde(default)]
    pub add: BTreeSet<u32>,
    /// Levels to measure again.
    #[serde(default)]
    pub again: BTreeSet<u32>,
    /// Bounds of the capacity that the levels by themselves prove.
    #[serde(default)]
    pub proven: Proven,
    /// Levels that were left out of the curve because they contradict the others.
    #[serde(default)]
    pub left_out: Vec<u32>,
    /// True if the capacity lies outside the measured concurrencies.
    pub extrapolated: bool,
    /// True if the measurements show that no number of GPUs meets this target.
    pub unreachable: bool,
    /// Reason why there is no estimate; null if there is one.
    pub reason: Option<String>,
}

/// Bounds of a capacity that levels prove by themselves, beyond chance; null if none does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Proven {
    /// Highest load that met the target.
    pub at_least: Option<f64>,
    /// Lowest level that missed the target, or at which the server refused runs.
    pub below: Option<f64>,
}

/// Number of GPUs to buy over all targets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recommendation {
    /// GPUs in whole replicas; null if a target has no estimate, cannot be met, or is unsettled.
    pub recommended: Option<u64>,
    /// Target that decides: the one with the smallest capacity, or one that is out of reach or
    /// unsettled; null if there is no estimate.
    pub decided_by: Option<Metric>,
    /// Grade of the recommendation; null if there is no estimate.
    #[serde(default)]
    pub grade: Option<Grade>,
    /// GPUs that are needed at least, over all targets; null if unknown.
    #[serde(default)]
    pub at_least: Option<f64>,
    /// GPUs that are enough for all targets; null if unknown.
    #[serde(default)]
    pub at_most: Option<f64>,
    /// Targets without the estimate that was asked for.
    #[serde(default)]
    pub unanswered: Vec<Metric>,
    /// Cost per hour of the recommendation; null without a price or a recommendation.
    pub cost_per_hour: Option<f64>,
    /// Command that measures everything that the estimates lack; null if that is nothing, or the
    /// levels were recorded elsewhere.
    #[serde(default)]
    pub next: Option<String>,
}

/// The question about one target.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Limit on a metric.
    pub target: Target,
    /// Load to serve.
    pub load: Option<Load>,
    /// Rig that was measured.
    pub rig: Rig,
    /// Margin to buy beyond the need.
    pub margin: Margin,
    /// All levels, interrupted ones included.
    pub levels: &'a [LevelMetrics],
    /// True if a level counts users, who do not all have a run in flight.
    pub counts_users: bool,
    /// Source of further levels.
    pub plan: &'a Plan,
}

impl Asked<'_> {
    /// Creates an estimate without an answer.
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
            counts_users: self.counts_users,
            method,
            fit: None,
            curve: None,
            confidence: None,
            capacity: None,
            throughput: None,
            gpus: None,
            cross_check: None,
            grade: None,
            doubts: Vec::new(),
            add: BTreeSet::new(),
            again: BTreeSet::new(),
            proven: Proven::default(),
            left_out: Vec::new(),
            extrapolated: false,
            unreachable: false,
            reason: None,
        }
    }

    /// Creates an estimate that gives the reason why there is no answer.
    pub fn unanswered(&self, method: MethodName, reason: String) -> Estimate {
        Estimate { reason: Some(reason), ..self.open(method) }
    }

    fn is_extrapolated(&self, capacity: f64) -> bool {
        let range = measured_range(self.target, self.levels);
        !range.is_some_and(|(low, high)| (f64::from(low)..=f64::from(high)).contains(&capacity))
    }

    /// Returns the runs per second at a capacity; if levels count users, from the throughput per
    /// user measured nearby.
    fn throughput(&self, capacity: f64, mean_runtime: f64) -> Option<f64> {
        if !self.counts_users {
            return Some(capacity / mean_runtime);
        }
        let usable = self.levels.iter().filter(|it| !it.interrupted && it.throughput > 0.0);
        let distance = |level: &&LevelMetrics| (f64::from(level.concurrency) / capacity).ln().abs();
        let nearest = usable.min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
        Some(capacity * nearest.throughput / f64::from(nearest.concurrency))
    }

    /// Returns the load and the GPUs of the rig; fails with a description of what is missing for a
    /// number of GPUs.
    fn load_and_gpus(&self) -> Result<(Load, f64), String> {
        match (self.load, self.rig.gpu_count) {
            (Some(load), Some(gpu_count)) => Ok((load, f64::from(gpu_count))),
            (load, gpu_count) => Err(missing(load.is_none(), gpu_count.is_none())),
        }
    }
}

impl Capacity {
    /// Creates a capacity from a single figure.
    fn of(point: f64) -> Self {
        Self { point: Some(point), low: None, high: None, at_least: None, at_most: None }
    }
}

impl Estimate {
    /// Returns the estimate for a table of answers, where nobody reads the grade beside a figure:
    /// of an unsettled one with an interval, only the ends.
    #[must_use]
    pub fn told(mut self) -> Self {
        if self.grade == Some(Grade::Unsettled) && self.confidence.is_some() {
            self.capacity.iter_mut().for_each(|capacity| capacity.point = None);
            self.gpus.iter_mut().for_each(|gpus| gpus.point = None);
            (self.throughput, self.cross_check) = (None, None);
        }
        self
    }

    /// Sets the grade, the doubts and the wanted levels, and returns the grade.
    fn graded(&mut self, doubts: &[Doubt], asked: &Asked<'_>) -> Grade {
        let of_all = grade(doubts);
        self.grade = Some(of_all);
        let mut telling: Vec<&Doubt> =
            doubts.iter().filter(|doubt| doubt.grade() > Grade::Solid).collect();
        telling.sort_by_key(|doubt| std::cmp::Reverse(doubt.grade()));
        let (plan, levels) = (asked.plan, asked.levels);
        let words = Words { counts_users: asked.counts_users, plan, levels };
        self.doubts = telling.iter().map(|doubt| doubt.say(&words)).collect();
        for doubt in telling {
            let wanted = words.wanted(&doubt.wish());
            self.add.extend(wanted.add);
            self.again.extend(wanted.again);
        }
        of_all
    }
}

/// Returns concurrency and observed seconds of each level that counts for a target.
fn observed(target: Target, levels: &[LevelMetrics]) -> impl Iterator<Item = (u32, f64)> {
    levels.iter().filter(|level| !level.interrupted).filter_map(move |level| {
        Some((level.concurrency, level.metric(target.metric)?.at(target.quantile)))
    })
}

/// Returns the concurrencies that met a target when they were measured.
fn levels_within(target: Target, levels: &[LevelMetrics]) -> impl Iterator<Item = u32> {
    observed(target, levels)
        .filter(move |&(_, seconds)| seconds <= target.limit)
        .map(|(concurrency, _)| concurrency)
}

/// Returns the lowest and highest concurrency that count for a target.
fn measured_range(target: Target, levels: &[LevelMetrics]) -> Option<(u32, u32)> {
    let usable = || observed(target, levels).map(|(concurrency, _)| concurrency);
    Some((usable().min()?, usable().max()?))
}

/// Explains why more GPUs of the same kind change nothing; `measured` if a level shows it, not the
/// curve.
fn beyond_reach(target: Target, concurrency: u32, seconds: f64, measured: bool) -> String {
    let source = if measured { "is already" } else { "would, by the levels measured, already be" };
    format!(
        "no number of GPUs meets this target, since at concurrency {concurrency} the {} {source} {seconds:.3} s. \
         It takes a faster model, a faster GPU, shorter answers, or a target above that",
        target.quantile
    )
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
