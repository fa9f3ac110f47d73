//! `calc_runner_output.json`: the file that the reference writes after a sweep, and reads in
//! offline mode.
//!
//! The fields and their order are those of version 1.9.0; times are in seconds.

use crate::measure::{LevelMetrics, LlmCall, Recording, Run, Summary};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CalcOutput {
    /// GPU estimates from the fits.
    #[serde(default)]
    pub gpu_estimates: GpuEstimates,
    /// Fits behind the estimates.
    #[serde(default)]
    pub fit_results: FitResults,
    /// Data of each concurrency.
    pub calc_data: BTreeMap<u32, CalcData>,
}

/// GPU estimates for either target; null if there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GpuEstimates {
    /// Estimate for the workflow runtime.
    #[serde(default)]
    pub gpu_estimate_by_wf_runtime: Option<f64>,
    /// Estimate for the LLM latency.
    #[serde(default)]
    pub gpu_estimate_by_llm_latency: Option<f64>,
}

/// Fits of both p95s; null if there is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FitResults {
    /// Fit of the LLM latency.
    #[serde(default)]
    pub llm_latency_fit: Option<LinearFit>,
    /// Fit of the workflow runtime.
    #[serde(default)]
    pub wf_runtime_fit: Option<LinearFit>,
}

/// A straight line through the p95s.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinearFit {
    /// Slope in seconds per concurrent run.
    pub slope: f64,
    /// Intercept in seconds.
    pub intercept: f64,
    /// Share of the variance that the line explains, 0 to 1.
    pub r_squared: f64,
    /// Concurrencies that were left out of the fit.
    pub outliers_removed: Vec<u32>,
}

/// Data of one concurrency.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CalcData {
    /// Rough estimates from this concurrency alone.
    #[serde(default)]
    pub gpu_estimates: GpuEstimates,
    /// Alerts from the targets and the fits.
    #[serde(default)]
    pub alerts: CalcAlerts,
    /// Measured figures.
    #[serde(default)]
    pub sizing_metrics: SizingMetrics,
}

/// Alerts on a concurrency from the targets and the fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalcAlerts {
    /// True if it is an outlier of the runtime fit.
    #[serde(default)]
    pub outlier_workflow_runtime: bool,
    /// True if it is an outlier of the latency fit.
    #[serde(default)]
    pub outlier_llm_latency: bool,
    /// Number of items over the latency target.
    #[serde(default)]
    pub num_items_greater_than_target_latency: u64,
    /// Number of items over the runtime target.
    #[serde(default)]
    pub num_items_greater_than_target_runtime: u64,
}

/// Measured figures of a concurrency.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SizingMetrics {
    /// Alerts that make it unusable.
    #[serde(default)]
    pub alerts: MetricsAlerts,
    /// p95 over all LLM calls, in seconds; 0 if there were none.
    #[serde(default)]
    pub llm_latency_p95: f64,
    /// p95 over all runs, in seconds; 0 if none succeeded.
    #[serde(default)]
    pub workflow_runtime_p95: f64,
    /// Time from the first start to the last end, in seconds.
    #[serde(default)]
    pub total_runtime: f64,
    /// Metrics of each item, by id.
    #[serde(default)]
    pub per_item_metrics: IndexMap<String, ItemMetrics>,
}

/// Alerts that make a concurrency unusable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricsAlerts {
    /// True if runs failed.
    #[serde(default)]
    pub workflow_interrupted: bool,
}

/// Metrics of one item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ItemMetrics {
    /// p95 over its LLM calls, in seconds; 0 if it made none.
    pub llm_latency: f64,
    /// Runtime in seconds.
    pub workflow_runtime: f64,
}

impl SizingMetrics {
    /// Converts the items to runs that succeeded: only the duration of each is known, and only the
    /// p95 of its LLM calls.
    pub fn runs(&self) -> Vec<Run> {
        let call = |latency: f64| LlmCall { end: latency, ..LlmCall::default() };
        let run = |(id, item): (&String, &ItemMetrics)| Run {
            id: id.clone(),
            start: 0.0,
            end: item.workflow_runtime,
            llm_calls: Some(item.llm_latency)
                .filter(|it| *it > 0.0)
                .map(call)
                .into_iter()
                .collect(),
            ..Run::default()
        };
        self.per_item_metrics.iter().map(run).collect()
    }

    /// Returns true if they are those of a level, to the digits that are written.
    pub fn is_of(&self, level: &LevelMetrics) -> bool {
        let p95 = |of: Option<Summary>| of.map_or(0.0, |it| it.p95);
        let same = |one: f64, other: f64| (one - other).abs() <= 1e-9 * one.abs().max(1.0);
        self.alerts.workflow_interrupted == level.interrupted
            && same(self.workflow_runtime_p95, p95(level.workflow_runtime))
            && same(self.llm_latency_p95, p95(level.llm_latency))
            && same(self.total_runtime, level.total_runtime)
    }

    /// Returns true if a time is negative, as none can be.
    pub fn is_impossible(&self) -> bool {
        [self.workflow_runtime_p95, self.llm_latency_p95, self.total_runtime]
            .iter()
            .any(|it| *it < 0.0)
    }

    /// Converts the figures to a level: the p95s and the total runtime are those of the file, all
    /// else is computed from the items.
    pub fn level(&self, concurrency: u32) -> LevelMetrics {
        let recording = Recording { runs: self.runs(), ..Recording::default() };
        let mut level = LevelMetrics::of(concurrency, &recording, 0.0);
        let with_p95 = |summary: Option<Summary>, p95: f64| {
            let all = Summary::of(vec![p95])?;
            Some(Summary { p95, ..summary.unwrap_or(all) }).filter(|_| p95 > 0.0)
        };
        level.workflow_runtime = with_p95(level.workflow_runtime, self.workflow_runtime_p95);
        level.llm_latency = with_p95(level.llm_latency, self.llm_latency_p95);
        level.total_runtime = self.total_runtime;
        let runs = level.runs as f64;
        level.throughput = if self.total_runtime > 0.0 { runs / self.total_runtime } else { 0.0 };
        level.interrupted = self.alerts.workflow_interrupted;
        level
    }
}
