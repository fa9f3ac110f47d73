//! `calc_runner_output.json`: the result in the reference calculator's format.

use super::material::BuiltIn;
use super::result::LevelResult;
use super::{Material, Report, ReportError};
use crate::measure::{LlmCall, Metric, Run, Summary};
use crate::nat::{
    CalcAlerts, CalcData, CalcOutput, FitResults, GpuEstimates, ItemMetrics, LinearFit,
    MetricsAlerts, SizingMetrics,
};
use crate::sizing::{Fit, PerMetric};
use std::collections::BTreeMap;

pub(super) const CALC_OUTPUT: BuiltIn =
    BuiltIn { name: NAME, is_default: false, template: None, report: || Box::new(NatCalcOutput) };

const NAME: &str = "calc_runner_output.json";

/// Value that the reference writes where nothing was measured.
const NOTHING: f64 = 0.0;

/// Report `calc_runner_output.json`.
struct NatCalcOutput;

impl Report for NatCalcOutput {
    fn render(&self, material: &Material<'_>) -> Result<Vec<u8>, ReportError> {
        let output = calc_output(material)?;
        serde_json::to_vec_pretty(&output).map_err(|error| ReportError::format(NAME, error))
    }

    fn reads_runs(&self) -> bool {
        true
    }
}

/// Converts a result to the reference's format.
pub fn calc_output(material: &Material<'_>) -> Result<CalcOutput, ReportError> {
    let result = material.result;
    let gpus = |metric| {
        let mut estimates = result.estimates.iter();
        estimates.find(|it| it.target == metric)?.answer.gpus()?.point
    };
    let mut calc_data = BTreeMap::new();
    for level in &result.levels {
        let runs = (material.runs)(level)?;
        calc_data.insert(
            level.concurrency,
            CalcData {
                gpu_estimates: estimates(&level.rough_gpus),
                alerts: alerts(level, &result.fits),
                sizing_metrics: metrics(level, &runs),
            },
        );
    }
    Ok(CalcOutput {
        gpu_estimates: estimates(&PerMetric::of(gpus)),
        fit_results: FitResults {
            llm_latency_fit: result.fits.llm_latency.as_ref().map(line),
            wf_runtime_fit: result.fits.workflow_runtime.as_ref().map(line),
        },
        calc_data,
    })
}

fn estimates(gpus: &PerMetric<f64>) -> GpuEstimates {
    GpuEstimates {
        gpu_estimate_by_wf_runtime: gpus.workflow_runtime,
        gpu_estimate_by_llm_latency: gpus.llm_latency,
    }
}

fn line(fit: &Fit) -> LinearFit {
    LinearFit {
        slope: fit.slope,
        intercept: fit.intercept,
        r_squared: fit.r_squared,
        outliers_removed: fit.outliers.clone(),
    }
}

/// Returns the number of runs over the limit of a metric; `None` without a limit. For a level that cannot be used, the
/// reference counts nothing.
pub(super) fn out_of_range(level: &LevelResult, metric: Metric) -> Option<u64> {
    level.over_target.get(metric).map(|count| if level.interrupted { 0 } else { *count })
}

fn alerts(level: &LevelResult, fits: &PerMetric<Fit>) -> CalcAlerts {
    let is_outlier = |metric| fits.is_outlier(metric, level.concurrency);
    let over = |metric| out_of_range(level, metric).unwrap_or(0);
    CalcAlerts {
        outlier_workflow_runtime: is_outlier(Metric::WorkflowRuntime),
        outlier_llm_latency: is_outlier(Metric::LlmLatency),
        num_items_greater_than_target_latency: over(Metric::LlmLatency),
        num_items_greater_than_target_runtime: over(Metric::WorkflowRuntime),
    }
}

fn metrics(level: &LevelResult, runs: &[Run]) -> SizingMetrics {
    let item = |run: &Run| {
        let latencies = run.llm_calls.iter().map(LlmCall::latency).collect();
        let llm_latency = Summary::of(latencies).map_or(NOTHING, |summary| summary.p95);
        (run.id.clone(), ItemMetrics { llm_latency, workflow_runtime: run.runtime() })
    };
    let p95 = |metric| level.metric(metric).map_or(NOTHING, |summary| summary.p95);
    SizingMetrics {
        alerts: MetricsAlerts { workflow_interrupted: level.interrupted },
        llm_latency_p95: p95(Metric::LlmLatency),
        workflow_runtime_p95: p95(Metric::WorkflowRuntime),
        total_runtime: level.total_runtime,
        per_item_metrics: runs.iter().filter(|run| run.counts()).map(item).collect(),
    }
}
