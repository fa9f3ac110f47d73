//! The reference calculator's own way: its parameters in, its job folders out, the same pipeline
//! between.

mod gather;
mod jobs;
mod offline;
mod spec_text;

use spec_text::calc_spec;
pub use spec_text::{emitted_spec, imported_spec};

use super::{CancellationToken, Observer, PipelineError};
use crate::nat::ImportError;
use crate::report::{ReportError, SizingResult};
use crate::spec::SpecError;
use crate::store::StoreError;
use std::path::PathBuf;
use std::sync::Arc;

/// The parameters of `nat sizing calc`; 0 means "not given", as there.
#[derive(Clone, Debug, PartialEq)]
pub struct CalcOptions {
    /// The configuration with the dataset; not needed offline.
    pub config_file: Option<PathBuf>,
    /// Where metrics are kept, and read offline.
    pub output_dir: Option<PathBuf>,
    /// The address of the served workflow; without it the configuration's own is run.
    pub endpoint: Option<String>,
    /// Longest time of a run, in seconds.
    pub endpoint_timeout: u64,
    /// Estimate from metrics that are there.
    pub offline: bool,
    /// Keep the metrics of earlier jobs.
    pub append: bool,
    /// The levels.
    pub concurrencies: Vec<u32>,
    /// How often each level is filled; 0: one pass over the dataset.
    pub num_passes: u32,
    /// Limit on the p95 LLM latency, in seconds.
    pub target_llm_latency: f64,
    /// Limit on the p95 workflow runtime, in seconds.
    pub target_workflow_runtime: f64,
    /// Concurrent users.
    pub target_users: u64,
    /// GPUs of the test rig.
    pub test_gpu_count: u32,
    /// The model of time against concurrency: `linear` is the reference's.
    pub method: crate::spec::Method,
    /// Whether plots are drawn.
    pub plots: bool,
}

/// What a calculation brought.
#[derive(Debug)]
pub struct CalcOutcome {
    /// The figures.
    pub result: SizingResult,
    /// Where they were written.
    pub job: Option<PathBuf>,
}

/// Why there is no outcome.
#[derive(Debug, thiserror::Error)]
pub enum CalcError {
    /// Parameters that make no sense, alone or together.
    #[error("{0}")]
    Parameters(String),
    /// The configuration cannot be used.
    #[error("{0}")]
    Import(#[from] ImportError),
    /// The metrics of earlier jobs cannot be used.
    #[error("{0}")]
    Jobs(String),
    /// There is no folder to work in.
    #[error("no temporary folder can be made: {0}")]
    Scratch(#[source] std::io::Error),
    /// The pipeline failed.
    #[error("{0}")]
    Pipeline(#[from] PipelineError),
}

impl From<SpecError> for CalcError {
    fn from(error: SpecError) -> Self {
        Self::Pipeline(error.into())
    }
}

impl From<StoreError> for CalcError {
    fn from(error: StoreError) -> Self {
        Self::Pipeline(error.into())
    }
}

impl From<ReportError> for CalcError {
    fn from(error: ReportError) -> Self {
        Self::Pipeline(error.into())
    }
}

impl CalcOptions {
    /// Checks the parameters, as the reference does.
    pub fn check(&self) -> Result<(), CalcError> {
        let refuse = |when: bool, message: &str| {
            if when { Err(CalcError::Parameters(message.to_owned())) } else { Ok(()) }
        };
        let levels = &self.concurrencies;
        refuse(levels.contains(&0), "--concurrencies: a concurrency is at least 1")?;
        refuse(levels.len() < 2, "--concurrencies: an estimate needs at least two")?;
        let repeated = levels.iter().enumerate().find(|(at, level)| levels[..*at].contains(level));
        if let Some((_, level)) = repeated {
            return refuse(true, &format!("--concurrencies: {level} is given twice; keep one"));
        }
        for (flag, seconds) in [
            ("--target_llm_latency", self.target_llm_latency),
            ("--target_workflow_runtime", self.target_workflow_runtime),
        ] {
            let sound = seconds.is_finite() && seconds >= 0.0;
            refuse(!sound, &format!("{flag}: a time in seconds, or 0 to set no target"))?;
        }
        refuse(self.endpoint_timeout == 0, "--endpoint_timeout: no run can end within 0 s")?;
        if !self.offline {
            let missing = "--config_file is missing; without --offline_mode a sweep is run, and needs a dataset";
            return refuse(self.config_file.is_none(), missing);
        }
        let no_target = self.target_llm_latency <= 0.0 && self.target_workflow_runtime <= 0.0;
        refuse(
            no_target,
            "--offline_mode needs --target_workflow_runtime or --target_llm_latency to estimate for",
        )?;
        refuse(
            self.test_gpu_count == 0,
            "--offline_mode needs --test_gpu_count, the GPUs of the test rig",
        )?;
        refuse(self.target_users == 0, "--offline_mode needs --target_users, the users to serve")?;
        refuse(self.append, "--append_calc_outputs is for gathering, not for --offline_mode")?;
        refuse(
            self.output_dir.is_none(),
            "--offline_mode needs --calc_output_dir, where the metrics were gathered",
        )
    }

    /// Runs the calculation.
    pub async fn run(
        &self,
        observer: Arc<dyn Observer>,
        cancel: CancellationToken,
    ) -> Result<CalcOutcome, CalcError> {
        self.check()?;
        if self.offline {
            offline::run(self, &*observer)
        } else {
            gather::run(self, observer, cancel).await
        }
    }
}
