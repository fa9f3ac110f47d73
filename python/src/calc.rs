//! The calculation of the reference, with its parameters.

use crate::errors::exception;
use crate::work::Caller;
use pyo3::prelude::*;
use sizer::calc::CalcOptions;
use std::path::PathBuf;

/// The parameters of the reference's `CalcRunnerConfig`.
#[derive(FromPyObject)]
pub struct Parameters {
    config_file: Option<PathBuf>,
    output_dir: Option<PathBuf>,
    endpoint: Option<String>,
    endpoint_timeout: u64,
    offline_mode: bool,
    append_job: bool,
    concurrencies: Vec<u32>,
    num_passes: u32,
    target_llm_latency_p95: f64,
    target_workflow_runtime_p95: f64,
    target_users: u64,
    test_gpu_count: u32,
    plot_data: bool,
}

impl Parameters {
    fn options(self) -> CalcOptions {
        CalcOptions {
            config_file: self.config_file,
            output_dir: self.output_dir,
            endpoint: self.endpoint,
            endpoint_timeout: self.endpoint_timeout,
            offline: self.offline_mode,
            append: self.append_job,
            concurrencies: self.concurrencies,
            num_passes: self.num_passes,
            target_llm_latency: self.target_llm_latency_p95,
            target_workflow_runtime: self.target_workflow_runtime_p95,
            target_users: self.target_users,
            test_gpu_count: self.test_gpu_count,
            plots: self.plot_data,
            ..CalcOptions::default()
        }
    }
}

/// Checks the parameters.
#[pyfunction]
pub fn check_calc(py: Python<'_>, parameters: Parameters) -> PyResult<()> {
    parameters.options().check().map_err(|error| exception(py, &error))
}

/// Runs the calculation. Returns the folder that its files were written to and the result as JSON.
#[pyfunction]
pub fn calc(
    py: Python<'_>,
    parameters: Parameters,
    listener: Bound<'_, PyAny>,
    cancel: Option<Bound<'_, PyAny>>,
) -> PyResult<(Option<PathBuf>, String)> {
    let options = parameters.options();
    let outcome = Caller::new(listener, cancel).wait_for(move |runtime, observer, cancel| {
        runtime.block_on(options.run(observer, cancel))
    })?;
    let outcome = outcome.map_err(|error| exception(py, &error))?;
    let result = outcome.result.to_json().map_err(|error| exception(py, &error))?;
    Ok((outcome.job, result))
}
