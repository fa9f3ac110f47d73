//! The parameters of a calculation.

use super::CalcError;
use crate::workflow::nat::HostCount;
use std::path::PathBuf;

/// Shapes of the reference's file of metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CalcFormat {
    /// That of version 1.2 and later.
    #[default]
    Nat,
    /// That of the versions before.
    Aiq,
}

/// The parameters of `nat sizing calc`; 0 means "not given", as there.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct CalcOptions {
    /// The configuration with the dataset; not needed offline.
    pub config_file: Option<PathBuf>,
    /// The folder in which metrics are kept, and from which they are read offline.
    pub output_dir: Option<PathBuf>,
    /// The address of the served workflow; without it the configuration's own is run.
    pub endpoint: Option<String>,
    /// The Python that runs the configuration's workflow; its presence says that the reference runs it, whatever it is.
    pub python: Option<String>,
    /// The number of processes that run it; its presence says the same.
    pub hosts: Option<HostCount>,
    /// Longest time of a run, in seconds.
    pub endpoint_timeout: u64,
    /// Estimate from metrics that are there.
    pub offline: bool,
    /// Keep the metrics of earlier jobs.
    pub append: bool,
    /// The levels.
    pub concurrencies: Vec<u32>,
    /// The number of times that each level is filled; 0: one pass over the dataset.
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
    pub method: crate::sizing::MethodName,
    /// The shape of the file of metrics.
    pub format: CalcFormat,
    /// Draw plots.
    pub plots: bool,
    /// Wait for another process that works in the output folder, instead of failing.
    pub wait: bool,
}

impl Default for CalcOptions {
    /// The defaults of the command line.
    fn default() -> Self {
        Self {
            config_file: None,
            output_dir: None,
            endpoint: None,
            format: CalcFormat::default(),
            hosts: None,
            python: None,
            endpoint_timeout: 300,
            offline: false,
            append: false,
            concurrencies: (1..=10).collect(),
            num_passes: 0,
            target_llm_latency: 0.0,
            target_workflow_runtime: 0.0,
            target_users: 0,
            test_gpu_count: 0,
            method: crate::sizing::MethodName::Linear,
            plots: true,
            wait: false,
        }
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
        let hosted = self.python.is_some() || self.hosts.is_some();
        for (given, flag) in
            [(self.endpoint.is_some(), "--endpoint"), (self.offline, "--offline_mode")]
        {
            let message = format!(
                "--nat-python and --nat-hosts start the workflow, which {flag} does not need; leave one out"
            );
            refuse(hosted && given, &message)?;
        }
        let has_scheme = |url: &String| {
            let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
            scheme.is_some_and(|scheme| ["http", "https"].contains(&scheme.as_str()))
        };
        let message = "--endpoint: an address begins with http:// or https://";
        refuse(self.endpoint.as_ref().is_some_and(|url| !has_scheme(url)), message)?;
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
}
