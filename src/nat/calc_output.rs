//! `calc_runner_output.json`: what the reference writes after a sweep, and reads offline.
//!
//! The fields and their order are those of version 1.9.0; times are in seconds.

use crate::measure::{LevelMetrics, LlmCall, Recording, Run, Summary};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CalcOutput {
    /// GPUs by the slopes.
    #[serde(default)]
    pub gpu_estimates: GpuEstimates,
    /// The fits behind them.
    #[serde(default)]
    pub fit_results: FitResults,
    /// By concurrency.
    pub calc_data: BTreeMap<u32, CalcData>,
}

/// GPUs by either target; null where there is no estimate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GpuEstimates {
    /// By the workflow runtime.
    #[serde(default)]
    pub gpu_estimate_by_wf_runtime: Option<f64>,
    /// By the LLM latency.
    #[serde(default)]
    pub gpu_estimate_by_llm_latency: Option<f64>,
}

/// The fits of both p95s; null where there is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FitResults {
    /// Of the LLM latency.
    #[serde(default)]
    pub llm_latency_fit: Option<LinearFit>,
    /// Of the workflow runtime.
    #[serde(default)]
    pub wf_runtime_fit: Option<LinearFit>,
}

/// A straight line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinearFit {
    /// Seconds per concurrent run.
    pub slope: f64,
    /// Seconds.
    pub intercept: f64,
    /// Share of the variance that the line explains.
    pub r_squared: f64,
    /// Concurrencies that were left out.
    pub outliers_removed: Vec<u32>,
}

/// One concurrency.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CalcData {
    /// Rough GPUs, by this level alone.
    #[serde(default)]
    pub gpu_estimates: GpuEstimates,
    /// What the targets and the fits say of it.
    #[serde(default)]
    pub alerts: CalcAlerts,
    /// What was measured.
    #[serde(default)]
    pub sizing_metrics: SizingMetrics,
}

/// What the targets and the fits say of a concurrency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalcAlerts {
    /// An outlier of the runtime fit.
    #[serde(default)]
    pub outlier_workflow_runtime: bool,
    /// An outlier of the latency fit.
    #[serde(default)]
    pub outlier_llm_latency: bool,
    /// Items over the latency target.
    #[serde(default)]
    pub num_items_greater_than_target_latency: u64,
    /// Items over the runtime target.
    #[serde(default)]
    pub num_items_greater_than_target_runtime: u64,
}

/// What was measured at a concurrency.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SizingMetrics {
    /// Whether it can be used.
    #[serde(default)]
    pub alerts: MetricsAlerts,
    /// p95 over all LLM calls; 0 where there was none.
    #[serde(default)]
    pub llm_latency_p95: f64,
    /// p95 over all runs; 0 where none succeeded.
    #[serde(default)]
    pub workflow_runtime_p95: f64,
    /// From the first start to the last end.
    #[serde(default)]
    pub total_runtime: f64,
    /// By the item's id.
    #[serde(default)]
    pub per_item_metrics: IndexMap<String, ItemMetrics>,
}

/// Whether a concurrency can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricsAlerts {
    /// Runs failed.
    #[serde(default)]
    pub workflow_interrupted: bool,
}

/// One item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ItemMetrics {
    /// p95 over its LLM calls; 0 where it made none.
    pub llm_latency: f64,
    /// Its runtime.
    pub workflow_runtime: f64,
}

impl SizingMetrics {
    /// Items as runs that succeeded: of each only how long it took is known, and of its LLM calls
    /// only their p95.
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

    /// The level: its p95s and its total runtime as the file says, everything else from the items.
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
