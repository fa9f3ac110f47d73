//! Assessment: all estimates, the recommendation, the diagnosis and the notes.

use super::advice::Plan;
use super::diagnose::{Diagnosis, of_estimate, short_levels};
use super::estimator::Model;
use super::evidence::Evidence;
use super::finding::Finding;
use super::prepared_model::PreparedModel;
use super::{Estimate, Fit, Load, Question, Recommendation, Target, rough_gpus};
use crate::measure::{LevelMetrics, Metric, Quantile, each_metric, runs_to_bound};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

macro_rules! per_metric {
    ($(
        $(#[$about:meta])*
        $name:ident, $key:ident, $words:literal, $unit:expr, $direction:ident,
        $column:expr, $span:expr,
        |$level:ident| $summary:expr,
        $(#[$limit:meta])* ;
    )+) => {
        /// A value per metric; null where it does not apply, left out where the metric is a rate.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
        pub struct PerMetric<T> {
            $(
                #[doc = concat!("For the ", $words, ".")]
                pub $key: Option<T>,
            )+
        }

        impl<T> PerMetric<T> {
            /// Creates the value of each metric.
            pub fn of(mut make: impl FnMut(Metric) -> Option<T>) -> Self {
                Self { $($key: make(Metric::$name),)+ }
            }

            /// Returns the value of one metric.
            pub fn get(&self, metric: Metric) -> Option<&T> {
                match metric {
                    $(Metric::$name => self.$key.as_ref(),)+
                }
            }
        }
    };
}

each_metric!(per_metric);

impl<T: Serialize> Serialize for PerMetric<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = |metric: &Metric| !metric.is_rate() || self.get(*metric).is_some();
        let metrics = Metric::ALL.into_iter().filter(written);
        serializer.collect_map(metrics.map(|metric| (metric.key(), self.get(metric))))
    }
}

impl PerMetric<Fit> {
    /// Returns true if the fit of a metric leaves a concurrency out as an outlier.
    pub fn is_outlier(&self, metric: Metric, concurrency: u32) -> bool {
        self.get(metric).is_some_and(|fit| fit.outliers.contains(&concurrency))
    }
}

/// One level compared with the targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct LevelComparison {
    /// Runs in flight.
    pub concurrency: u32,
    /// Runs over the limit; null if there is none.
    pub over_target: PerMetric<u64>,
    /// Runs per second that met every target; null if there is none.
    pub goodput: Option<f64>,
    /// GPUs if time were proportional to concurrency: a rough figure, and no basis for a purchase.
    pub rough_gpus: PerMetric<f64>,
}

/// Everything that the targets add to the measurements.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Assessment {
    /// Each level compared with the targets.
    pub levels: Vec<LevelComparison>,
    /// Estimate of each target.
    pub estimates: Vec<Estimate>,
    /// Recommendation over all targets.
    pub gpus: Recommendation,
    /// Answers to other sets of targets.
    pub alternatives: Vec<Alternative>,
    /// Response of the rig to load.
    pub diagnosis: Diagnosis,
    /// Remarks for a careful reader.
    pub notes: Vec<Finding>,
}

/// Answer to a set of targets besides the main one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Alternative {
    /// Name of the set.
    pub name: String,
    /// Estimate of each target.
    pub estimates: Vec<Estimate>,
    /// Recommendation over all targets of the set.
    pub gpus: Recommendation,
}

impl PreparedModel<'_> {
    /// Answers the question, and adds what else its targets say of the levels. Runs over the limits
    /// are those of the comparison with the [main limits](Question::main_limits).
    pub fn assess(&self, question: &Question) -> Assessment {
        let levels = self.evidence().levels();
        let (estimates, gpus) = self.answer(question);
        let limits = question.main_limits();
        let of_level = |level: &LevelMetrics| {
            let runs = self.against(level.concurrency).filter(|_| !limits.is_empty());
            let over = |metric| {
                let position = limits.iter().position(|(limited, _)| *limited == metric)?;
                runs?.over.get(position).copied()
            };
            LevelComparison {
                concurrency: level.concurrency,
                over_target: PerMetric::of(over),
                goodput: runs.map(|runs| runs.goodput),
                rough_gpus: rough(question, level),
            }
        };
        let against = levels.iter().map(of_level).collect();
        let (diagnosis, notes) = diagnose(question, self, &estimates);
        Assessment { levels: against, gpus, alternatives: Vec::new(), diagnosis, notes, estimates }
    }
}

/// Computes rough estimates of a level; only if it meets every target, as in the reference
/// calculator.
fn rough(question: &Question, level: &LevelMetrics) -> PerMetric<f64> {
    let observed = |target: Target| Some(level.metric(target.metric)?.at(target.quantile));
    let targets = || Metric::ALL.iter().filter_map(|metric| question.main_target(*metric));
    let violated =
        targets().any(|target| observed(target).is_some_and(|seconds| seconds > target.seconds()));
    let concurrent = |load: &Load| match load {
        Load::Users { users, think } if *think <= 0.0 => Some(*users),
        _ => None,
    };
    let users = question.loads.iter().find_map(concurrent);
    let (Some(users), Some(gpu_count)) = (users, question.rig.gpu_count) else {
        return PerMetric::of(|_| None);
    };
    // Neither the first token nor the gaps between tokens are in proportion to the concurrency.
    PerMetric::of(|metric| {
        let main = Metric::MAIN.contains(&metric);
        let target = question
            .main_target(metric)
            .filter(|_| main)
            .filter(|_| !violated && !level.interrupted)?;
        rough_gpus(level.concurrency, observed(target)?, target.seconds(), users, gpu_count)
    })
}

/// Describes the response of the rig to load, and collects all findings.
fn diagnose(
    question: &Question,
    prepared: &PreparedModel<'_>,
    estimates: &[Estimate],
) -> (Diagnosis, Vec<Finding>) {
    const ENOUGH_LEVELS: usize = 10;
    let (evidence, model) = (prepared.evidence(), prepared.model());
    let (levels, by_line) = (evidence.levels(), prepared.is_by_line());
    let mut notes = of_measuring(levels);
    let usable = levels_of_lines(evidence);
    if by_line && (2..ENOUGH_LEVELS).contains(&usable) {
        notes.push(Finding::FewLevels { usable });
    }
    if question.targets.is_empty() {
        notes.push(Finding::NoTarget);
    }
    if question.targets.iter().any(|target| target.metric == Metric::WorkflowRuntime) {
        let runs = model.and_then(Model::counted_runs);
        notes.extend(runs.map(|runs| Finding::ByTokens { runs }));
    }
    let diagnosis = Diagnosis::of(levels, model);
    let left_out: Vec<u32> = estimates.iter().flat_map(|it| it.left_out.clone()).collect();
    notes.extend(diagnosis.findings(levels, &left_out, question.plan == Plan::Recorded));
    notes.extend(super::bottleneck::bottleneck(levels));
    notes.extend(super::drift::findings(levels));
    for estimate in estimates {
        for note in of_estimate(estimate, levels, question.rig, model) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    notes.extend(short_levels(estimates, levels));
    let asked = prepared.asked(question);
    notes.extend(estimates.iter().filter_map(|estimate| {
        let Estimate { target: metric, quantile, limit, .. } = *estimate;
        let target = Target { metric, quantile, limit };
        model?.suggestion(asked.iter().find(|asked| asked.target == target)?, estimate)
    }));
    if !by_line {
        notes.extend(few_runs(levels));
    }
    for metric in Metric::MAIN.into_iter().filter(|_| by_line) {
        let told = estimates.iter().any(|estimate| estimate.target == metric);
        if let (false, Err(reason)) = (told, evidence.fit(metric, Quantile::P95)) {
            notes.push(Finding::NoFit { metric, reason });
        }
    }
    (diagnosis, notes)
}

/// Number of levels that the lines through the main metrics rest on; of the line with the fewest.
fn levels_of_lines(evidence: Evidence<'_>) -> usize {
    let of = |metric: &Metric| {
        let fit = evidence.fit(*metric, Quantile::P95).ok()?;
        let levels = evidence.levels().iter().filter(|level| !level.interrupted);
        let seen = levels.filter(|level| level.metric(*metric).is_some_and(|it| it.p95 > 0.0));
        Some(seen.filter(|level| !fit.outliers.contains(&level.concurrency)).count())
    };
    let usable = || evidence.levels().iter().filter(|level| !level.interrupted).count();
    Metric::MAIN.iter().filter_map(of).min().unwrap_or_else(usable)
}

/// Collects what went wrong while the levels were measured.
fn of_measuring(levels: &[LevelMetrics]) -> Vec<Finding> {
    let at = |holds: fn(&LevelMetrics) -> bool| -> Vec<u32> {
        levels.iter().filter(|level| holds(level)).map(|level| level.concurrency).collect()
    };
    let mut notes = Vec::new();
    let interrupted = at(|level| level.interrupted);
    if !interrupted.is_empty() {
        notes.push(Finding::Interrupted { levels: interrupted });
    }
    notes.extend(levels.iter().filter_map(|level| {
        let failure = level.server_gone.clone()?;
        Some(Finding::ServerGone { level: level.concurrency, failure })
    }));
    let limited = at(|level| level.client_limited);
    if !limited.is_empty() {
        notes.push(Finding::ClientLimited { levels: limited });
    }
    let limited = at(LevelMetrics::host_limited);
    // The highest level says most of what is lacking.
    let highest = levels.iter().rfind(|level| level.host_limited());
    if let Some(host) = highest.and_then(|level| level.host) {
        let (processes, starved) = (host.processes, host.is_starved());
        notes.push(Finding::HostLimited { levels: limited, processes, starved });
    }
    let requests: u64 = levels.iter().map(|level| level.reconnected).sum();
    if requests > 0 {
        notes.push(Finding::Reconnected { requests });
    }
    let calls: u64 = levels.iter().map(|level| level.failed_calls).sum();
    if calls > 0 {
        notes.push(Finding::FailedCalls { calls });
    }
    notes.extend(levels.iter().find_map(|level| {
        let error = level.scrape_error.clone()?;
        Some(Finding::ScrapeIncomplete { level: level.concurrency, error })
    }));
    notes
}

/// Finds p95s of so few runs that nothing bounds them.
fn few_runs(levels: &[LevelMetrics]) -> Option<Finding> {
    let enough = runs_to_bound(Quantile::P95.share());
    let few = levels.iter().filter_map(|level| {
        let runs = level.workflow_runtime.map_or(0, |summary| summary.count);
        let few = !level.interrupted && (1..enough).contains(&runs);
        few.then_some((level.concurrency, runs))
    });
    let (levels, counts): (Vec<u32>, Vec<u64>) = few.unzip();
    let (least, most) = (*counts.iter().min()?, *counts.iter().max()?);
    Some(Finding::FewRuns { enough, levels, least, most })
}
