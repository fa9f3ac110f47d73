//! The older shape of `calc_runner_output.json`, from before version 1.2: `per_concurrency_data` with
//! `out_of_range_runs`.
//!
//! It has no fits, and says with the counts over the targets that a concurrency is unusable.

use super::calc_output::{
    CalcAlerts, CalcData, CalcOutput, FitResults, GpuEstimates, ItemMetrics, MetricsAlerts,
    SizingMetrics,
};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The whole file in its older shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OlderCalcOutput {
    #[serde(default)]
    gpu_estimates: GpuEstimates,
    per_concurrency_data: BTreeMap<u32, OlderData>,
}

/// Data of one concurrency.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct OlderData {
    #[serde(default)]
    gpu_estimates: GpuEstimates,
    #[serde(default)]
    out_of_range_runs: OutOfRangeRuns,
    #[serde(default)]
    sizing_metrics: OlderMetrics,
}

/// Counts over the targets. The first releases count runs, later ones items, which are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct OutOfRangeRuns {
    #[serde(default, alias = "num_runs_greater_than_target_latency")]
    num_items_greater_than_target_latency: u64,
    #[serde(default, alias = "num_runs_greater_than_target_runtime")]
    num_items_greater_than_target_runtime: u64,
    #[serde(default)]
    workflow_interrupted: bool,
}

/// Measured figures of a concurrency.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct OlderMetrics {
    /// False for a concurrency that was interrupted; missing in the first releases.
    #[serde(default)]
    eligible_for_slope_based_estimation: Option<bool>,
    #[serde(default)]
    llm_latency_p95: f64,
    #[serde(default)]
    workflow_runtime_p95: f64,
    #[serde(default)]
    total_runtime: f64,
    #[serde(default)]
    per_item_metrics: IndexMap<String, ItemMetrics>,
}

/// Reads a file of either shape.
///
/// # Errors
///
/// Fails if it is not JSON, or has neither shape.
pub fn read_calc_output(bytes: &[u8]) -> Result<CalcOutput, serde_json::Error> {
    serde_json::from_slice(bytes).map(|EitherShape(output)| output)
}

/// A file of either shape, in the newer one.
#[derive(Deserialize)]
#[serde(try_from = "EitherOutput")]
struct EitherShape(CalcOutput);

/// The file in either shape, as it is read.
#[derive(Deserialize)]
struct EitherOutput {
    #[serde(default)]
    gpu_estimates: GpuEstimates,
    #[serde(default)]
    fit_results: FitResults,
    calc_data: Option<BTreeMap<u32, CalcData>>,
    per_concurrency_data: Option<BTreeMap<u32, OlderData>>,
}

/// Reason why a file has neither shape.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("it has neither `calc_data` nor `per_concurrency_data`")]
struct NeitherShape;

impl TryFrom<EitherOutput> for EitherShape {
    type Error = NeitherShape;

    fn try_from(file: EitherOutput) -> Result<Self, NeitherShape> {
        let EitherOutput { gpu_estimates, fit_results, calc_data, per_concurrency_data } = file;
        let older = |data: BTreeMap<u32, OlderData>| {
            data.into_iter().map(|(concurrency, data)| (concurrency, data.into())).collect()
        };
        let calc_data = calc_data.or_else(|| per_concurrency_data.map(older));
        let calc_data = calc_data.ok_or(NeitherShape)?;
        Ok(Self(CalcOutput { gpu_estimates, fit_results, calc_data }))
    }
}

impl From<OlderData> for CalcData {
    fn from(data: OlderData) -> Self {
        let OlderData { gpu_estimates, out_of_range_runs: out_of_range, sizing_metrics } = data;
        let OlderMetrics { eligible_for_slope_based_estimation: eligible, .. } = sizing_metrics;
        Self {
            gpu_estimates,
            alerts: CalcAlerts {
                num_items_greater_than_target_latency: out_of_range
                    .num_items_greater_than_target_latency,
                num_items_greater_than_target_runtime: out_of_range
                    .num_items_greater_than_target_runtime,
                ..CalcAlerts::default()
            },
            sizing_metrics: SizingMetrics {
                alerts: MetricsAlerts {
                    workflow_interrupted: out_of_range.workflow_interrupted
                        || eligible == Some(false),
                },
                llm_latency_p95: sizing_metrics.llm_latency_p95,
                workflow_runtime_p95: sizing_metrics.workflow_runtime_p95,
                total_runtime: sizing_metrics.total_runtime,
                per_item_metrics: sizing_metrics.per_item_metrics,
            },
        }
    }
}

impl From<CalcOutput> for OlderCalcOutput {
    fn from(output: CalcOutput) -> Self {
        let CalcOutput { gpu_estimates, fit_results: _, calc_data } = output;
        let older = |(concurrency, data): (u32, CalcData)| (concurrency, data.into());
        Self { gpu_estimates, per_concurrency_data: calc_data.into_iter().map(older).collect() }
    }
}

impl From<CalcData> for OlderData {
    fn from(data: CalcData) -> Self {
        let CalcData { gpu_estimates, alerts, sizing_metrics } = data;
        let interrupted = sizing_metrics.alerts.workflow_interrupted;
        Self {
            gpu_estimates,
            out_of_range_runs: OutOfRangeRuns {
                num_items_greater_than_target_latency: alerts.num_items_greater_than_target_latency,
                num_items_greater_than_target_runtime: alerts.num_items_greater_than_target_runtime,
                workflow_interrupted: interrupted,
            },
            sizing_metrics: OlderMetrics {
                eligible_for_slope_based_estimation: Some(!interrupted),
                llm_latency_p95: sizing_metrics.llm_latency_p95,
                workflow_runtime_p95: sizing_metrics.workflow_runtime_p95,
                total_runtime: sizing_metrics.total_runtime,
                per_item_metrics: sizing_metrics.per_item_metrics,
            },
        }
    }
}
