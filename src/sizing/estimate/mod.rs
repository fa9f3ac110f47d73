//! Estimates: from a fit or a model and a target to a number of GPUs, or the reason why there is
//! none.

mod answer;
mod beside;
mod buy;
mod capacity_estimate;
mod document;
mod doubts;
mod figures;
mod find;
mod line;
mod parts;
mod pooled;
mod refit;
mod steps;
mod tail;
mod uncontended;

pub use answer::Answer;
pub use buy::recommend;
pub use figures::{Capacity, CrossCheck, GpuCount, Sum};
pub(super) use line::{estimate, grade_line};
pub(super) use pooled::{FoundCapacities, estimate_pooled};
pub(super) use refit::MetricModels;

use super::advice::LevelAdvice;
use super::finding::{Finding, Remedy};
use super::fit::Fit;
use super::grade::{Doubt, grade};
use super::method::MethodName;
use super::{Grade, Load, Margin, Plan, Rig, Target};
use crate::measure::{LevelMetrics, Metric, Quantile, QuantileName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Part of a level by which an answer may lie beyond it: the load there is no other.
const AT_THE_END: f64 = 0.01;

/// A point of the fitted curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurvePoint {
    /// Runs in flight.
    pub concurrency: f64,
    /// Limited quantile there, in seconds; of a rate, that of the time behind it.
    pub seconds: f64,
}

/// Estimate for one target.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Estimate {
    /// Metric that is limited.
    pub target: Metric,
    /// Quantile that is limited; of a rate, the share of calls that have to reach the limit.
    pub quantile: Quantile,
    /// Limit in the unit of the metric.
    pub limit: f64,
    /// Load to serve; `None` if the spec does not say.
    pub load: Option<Load>,
    /// True if the levels, and so the capacity, count users, who do not all have a run in flight.
    pub counts_users: bool,
    /// Method of the estimate.
    pub method: MethodName,
    /// Line behind the figure, if it is one.
    pub fit: Option<Fit>,
    /// Curve behind the figure, if it is one.
    pub curve: Option<Vec<CurvePoint>>,
    /// Probability that the truth lies within the intervals; `None` if there are none.
    pub confidence: Option<f64>,
    /// The answer.
    pub answer: Answer,
    /// Grade of the answer; `None` if there is none.
    pub grade: Option<Grade>,
    /// Reasons why the grade is not better.
    pub doubts: Vec<Finding>,
    /// Levels that would tell more about it.
    pub add: BTreeSet<u32>,
    /// Levels to measure again.
    pub again: BTreeSet<u32>,
    /// Bounds of the capacity that individual levels prove.
    pub proven: ProvenBounds,
    /// Levels that were left out of the curve because they contradict the others.
    pub left_out: Vec<u32>,
    /// True if the capacity lies outside the measured concurrencies.
    pub extrapolated: bool,
}

/// Bounds of a capacity that individual levels prove, beyond chance; null if none does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Proven")]
pub struct ProvenBounds {
    /// Highest load that met the target.
    pub at_least: Option<f64>,
    /// Lowest level that missed the target, or at which the server refused runs.
    pub below: Option<f64>,
}

/// Number of GPUs to buy over all targets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Recommendation {
    /// GPUs in whole replicas; null if a target has no estimate, cannot be met, or is unsettled.
    pub recommended: Option<u64>,
    /// Target that decides: the one with the smallest capacity, or one that is out of reach or
    /// unsettled; null if there is no estimate.
    pub decided_by: Option<Metric>,
    /// Quantile that it limits; null if there is no estimate.
    #[serde(default)]
    pub decided_by_quantile: Option<QuantileName>,
    /// Grade of the recommendation; null if there is no estimate.
    #[serde(default)]
    pub grade: Option<Grade>,
    /// GPUs that are needed at least, over all targets; null if unknown.
    #[serde(default)]
    pub at_least: Option<f64>,
    /// GPUs that are enough for all targets; null if unknown.
    #[serde(default)]
    pub at_most: Option<f64>,
    /// Targets without the requested estimate.
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
pub struct TargetQuestion<'a> {
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

impl TargetQuestion<'_> {
    /// Creates an estimate with an answer and nothing else.
    pub fn estimate(&self, method: MethodName, answer: Answer) -> Estimate {
        Estimate {
            target: self.target.metric,
            quantile: self.target.quantile,
            limit: self.target.limit,
            load: self.load,
            counts_users: self.counts_users,
            method,
            fit: None,
            curve: None,
            confidence: None,
            answer,
            grade: None,
            doubts: Vec::new(),
            add: BTreeSet::new(),
            again: BTreeSet::new(),
            proven: ProvenBounds::default(),
            left_out: Vec::new(),
            extrapolated: false,
        }
    }

    fn is_extrapolated(&self, capacity: f64) -> bool {
        let range = measured_range(self.target, self.levels);
        !range.is_some_and(|(low, high)| {
            let within = (1.0 - AT_THE_END) * f64::from(low)..=(1.0 + AT_THE_END) * f64::from(high);
            within.contains(&capacity)
        })
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
    fn load_and_gpus(&self) -> Result<(Load, f64), Finding> {
        match (self.load, self.rig.gpu_count) {
            (Some(load), Some(gpu_count)) => Ok((load, f64::from(gpu_count))),
            (load, gpu_count) => {
                Err(Finding::NotSet { load: load.is_none(), gpu_count: gpu_count.is_none() })
            }
        }
    }
}

impl Estimate {
    /// Puts the findings into words, given the metric that is limited.
    #[must_use]
    pub fn in_words(mut self, words: impl Fn(Metric, &Finding) -> String) -> Self {
        let metric = self.target;
        let put = |finding: &mut Finding| *finding = Finding::InWords(words(metric, finding));
        self.doubts.iter_mut().for_each(put);
        if let Answer::CapacityOnly { reason, .. }
        | Answer::OutOfReach { reason }
        | Answer::NoModel { reason } = &mut self.answer
        {
            put(reason);
        }
        self
    }

    /// Returns the estimate for a table of answers, where nobody reads the grade beside a figure:
    /// of an unsettled one with an interval, only the ends.
    #[must_use]
    pub fn told(mut self) -> Self {
        if self.grade == Some(Grade::Unsettled) && self.confidence.is_some() {
            match &mut self.answer {
                Answer::Gpus { capacity, throughput, gpus, cross_check } => {
                    (capacity.point, gpus.point) = (None, None);
                    (*throughput, *cross_check) = (None, None);
                }
                Answer::CapacityOnly { capacity, throughput, .. } => {
                    (capacity.point, *throughput) = (None, None);
                }
                Answer::OutOfReach { .. } | Answer::NoModel { .. } => {}
            }
        }
        self
    }

    /// Sets the grade, the doubts and the wanted levels, and returns the grade.
    fn graded(&mut self, doubts: &[Doubt], asked: &TargetQuestion<'_>) -> Grade {
        let of_all = grade(doubts);
        self.grade = Some(of_all);
        let mut telling: Vec<&Doubt> =
            doubts.iter().filter(|doubt| doubt.grade() > Grade::Solid).collect();
        telling.sort_by_key(|doubt| std::cmp::Reverse(doubt.grade()));
        let (recorded, counts_users) = (*asked.plan == Plan::Recorded, asked.counts_users);
        for doubt in telling {
            let LevelAdvice { add, again } = LevelAdvice::of(&doubt.wish(), asked.levels);
            self.add.extend(&add);
            self.again.extend(&again);
            let remedy = Remedy { add, again, recorded, counts_users };
            self.doubts.push(Finding::Doubt { doubt: doubt.clone(), remedy });
        }
        of_all
    }
}

/// Returns concurrency and observed seconds of each level that counts for a target.
fn observed<'a>(
    target: Target,
    levels: impl IntoIterator<Item = &'a LevelMetrics>,
) -> impl Iterator<Item = (u32, f64)> {
    levels.into_iter().filter(|level| !level.interrupted).filter_map(move |level| {
        Some((level.concurrency, level.metric(target.metric)?.at(target.quantile)))
    })
}

/// Returns the concurrencies that met a target when they were measured.
fn levels_within<'a>(
    target: Target,
    levels: impl IntoIterator<Item = &'a LevelMetrics>,
) -> impl Iterator<Item = u32> {
    observed(target, levels)
        .filter(move |&(_, seconds)| seconds <= target.seconds())
        .map(|(concurrency, _)| concurrency)
}

/// Returns the lowest and highest concurrency that count for a target.
fn measured_range(target: Target, levels: &[LevelMetrics]) -> Option<(u32, u32)> {
    let usable = || observed(target, levels).map(|(concurrency, _)| concurrency);
    Some((usable().min()?, usable().max()?))
}
