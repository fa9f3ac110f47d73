//! `sizer calc`: the command line of the reference calculator.

use super::End;
use super::diagnose::{CliError, print, tell};
use super::init::write_new;
use super::numbers::{number, whole};
use super::progress::Progress;
use super::run::{block_on, end};
use super::spec_args::WaitArgs;
use crate::report::{NatTargets, nat_doubts, nat_failures, nat_notes, nat_summary};
use crate::sizing::MethodName;
use crate::study::{CalcFormat, CalcOptions, emitted_spec};
use crate::workflow::nat::HostCount;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Estimate GPUs with the command line of `nat sizing calc` (`aiq sizing calc`)
///
/// Every flag of the reference works unchanged, with underscores or hyphens. Gathering runs
/// the workflow at each concurrency; `--offline_mode` estimates from what was gathered before.
#[derive(clap::Args)]
// The last one wins, as in the reference.
#[command(args_override_self = true, allow_negative_numbers = true)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Args {
    /// The configuration with the dataset (and the workflow, unless --endpoint is given)
    #[arg(
        long = "config_file",
        visible_alias = "config",
        alias = "config-file",
        value_name = "FILE"
    )]
    config_file: Option<PathBuf>,
    /// Estimate from the metrics in `--calc_output_dir`; run no workflow
    #[arg(long = "offline_mode", alias = "offline-mode")]
    offline_mode: bool,
    /// Longest acceptable p95 LLM latency in seconds; 0: no target
    #[arg(
        long = "target_llm_latency",
        alias = "target-llm-latency",
        default_value_t = 0.0,
        value_parser = number,
        value_name = "S"
    )]
    target_llm_latency: f64,
    /// Longest acceptable p95 workflow runtime in seconds; 0: no target
    #[arg(
        long = "target_workflow_runtime",
        alias = "target-workflow-runtime",
        default_value_t = 0.0,
        value_parser = number,
        value_name = "S"
    )]
    target_workflow_runtime: f64,
    /// Concurrent users to serve; 0: gather only
    #[arg(
        long = "target_users",
        alias = "target-users",
        default_value_t = 0,
        value_parser = whole::<u64>,
        value_name = "N"
    )]
    target_users: u64,
    /// GPUs that serve the workflow while it is measured; 0: gather only
    #[arg(
        long = "test_gpu_count",
        alias = "test-gpu-count",
        default_value_t = 0,
        value_parser = whole::<u32>,
        value_name = "N"
    )]
    test_gpu_count: u32,
    /// Folder for metrics, estimates and plots; without it, nothing is kept
    #[arg(long = "calc_output_dir", alias = "calc-output-dir", value_name = "DIR")]
    calc_output_dir: Option<PathBuf>,
    /// The concurrencies to measure, separated by commas
    #[arg(
        long,
        value_parser = concurrencies,
        default_value = "1,2,3,4,5,6,7,8,9,10",
        value_name = "LIST"
    )]
    concurrencies: Concurrencies,
    /// Passes, that is, how many times each concurrency is filled; 0: one pass over the dataset, cut to a
    /// multiple of the concurrency
    #[arg(
        long = "num_passes",
        alias = "num-passes",
        default_value_t = 0,
        value_parser = whole::<u32>,
        value_name = "N"
    )]
    num_passes: u32,
    /// Keep the metrics of earlier gatherings beside the new ones
    #[arg(long = "append_calc_outputs", alias = "append-calc-outputs")]
    append_calc_outputs: bool,
    /// Address of the served workflow, such as `http://localhost:8000`; without it, the
    /// configuration's own workflow is run on this machine
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// The Python that has the toolkit and runs the workflow; by default that of `NAT_PYTHON`, of the active virtual
    /// environment, or beside `nat` on the `PATH`
    #[arg(long = "nat-python", alias = "nat_python", value_name = "PYTHON")]
    nat_python: Option<String>,
    /// Number of processes that run the workflow; `auto`: as many as it takes for none to be busy all the time
    #[arg(long = "nat-hosts", alias = "nat_hosts", value_name = "N")]
    nat_hosts: Option<HostCount>,
    /// Longest time of a run, in seconds
    #[arg(
        long = "endpoint_timeout",
        alias = "endpoint-timeout",
        default_value_t = 300,
        value_parser = whole::<u64>,
        value_name = "S"
    )]
    endpoint_timeout: u64,
    /// The model of time against concurrency; the reference has only linear
    #[arg(long, value_parser = line_method(), default_value_t = MethodName::Linear)]
    method: MethodName,
    /// The shape of `calc_runner_output.json`: that of version 1.2 and later, or the one before
    #[arg(long, value_enum, default_value_t = Format::Nat, value_name = "SHAPE")]
    format: Format,
    /// Draw no plots
    #[arg(long = "no_plots", alias = "no-plots")]
    no_plots: bool,
    /// Write an equivalent spec for `sizer run`, and run nothing
    #[arg(long = "emit-spec", alias = "emit_spec", value_name = "FILE")]
    emit_spec: Option<PathBuf>,
    /// Print no progress, only the estimate and its notes
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    waiting: WaitArgs,
}

/// Concurrencies to measure.
#[derive(Clone, Debug)]
struct Concurrencies(Vec<u32>);

/// Parses a list of concurrencies as the reference does: blanks and empty places mean nothing.
fn concurrencies(list: &str) -> Result<Concurrencies, String> {
    let given = list.split(',').map(str::trim).filter(|text| !text.is_empty());
    let number = |text: &str| {
        let wrong = |_| format!("`{text}` is not a whole number; give a list such as 1,2,4,8");
        text.parse::<u32>().map_err(wrong)
    };
    given.map(number).collect::<Result<_, _>>().map(Concurrencies)
}

/// Shapes of the file of metrics.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// `calc_data`, which version 1.2 and later read
    Nat,
    /// `per_concurrency_data`, which the versions before read
    Aiq,
}

/// Parses the name of a method that rests on straight lines: the files of the reference keep nothing
/// that another method could use.
fn line_method() -> impl TypedValueParser<Value = MethodName> {
    let lines = || MethodName::ALL.iter().filter(|method| method.estimator().is_line());
    let values = lines().map(|method| PossibleValue::new(method.key()).help(method.summary()));
    PossibleValuesParser::new(values).map(move |key| {
        let of_key = lines().find(|method| method.key() == key);
        of_key.copied().unwrap_or(MethodName::Linear)
    })
}

impl Args {
    fn options(&self) -> CalcOptions {
        CalcOptions {
            config_file: self.config_file.clone(),
            output_dir: self.calc_output_dir.clone(),
            endpoint: self.endpoint.clone(),
            python: self.nat_python.clone(),
            hosts: self.nat_hosts,
            endpoint_timeout: self.endpoint_timeout,
            offline: self.offline_mode,
            append: self.append_calc_outputs,
            concurrencies: self.concurrencies.0.clone(),
            num_passes: self.num_passes,
            target_llm_latency: self.target_llm_latency,
            target_workflow_runtime: self.target_workflow_runtime,
            target_users: self.target_users,
            test_gpu_count: self.test_gpu_count,
            method: self.method,
            format: match self.format {
                Format::Nat => CalcFormat::Nat,
                Format::Aiq => CalcFormat::Aiq,
            },
            plots: !self.no_plots,
            wait: self.waiting.wait,
        }
    }
}

pub(super) fn run(args: &Args) -> Result<End, CliError> {
    let options = args.options();
    if let Some(file) = &args.emit_spec {
        return emit(&options, file);
    }
    let observer = Arc::new(Progress::new(!args.quiet && std::io::stderr().is_terminal()));
    let outcome = block_on(async |cancel| options.run(observer, cancel).await)??;
    let targets = NatTargets {
        llm_latency: args.target_llm_latency,
        workflow_runtime: args.target_workflow_runtime,
        users: args.target_users,
        gpu_count: args.test_gpu_count,
    };
    print(&nat_summary(&outcome.result, targets))?;
    let result = &outcome.result;
    for note in nat_failures(result).iter().chain(&nat_doubts(result)).chain(&nat_notes(result)) {
        tell(&format!("note: {note}"));
    }
    if let Some(job) = outcome.job.as_ref().filter(|_| !args.quiet) {
        tell(&format!("wrote {}", job.display()));
    }
    Ok(end(&outcome.result))
}

fn emit(options: &CalcOptions, file: &Path) -> Result<End, CliError> {
    if options.offline {
        return Err(CliError::Usage(
            "--emit-spec writes the spec of a sweep, but --offline_mode runs no sweep; leave out one of the two"
                .into(),
        ));
    }
    let base = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (text, notes) = emitted_spec(options, base)?;
    for note in notes {
        tell(&format!("note: {note}"));
    }
    write_new(file, &text)?;
    print(&format!("wrote {0}\nrun it: sizer run {0}\n", file.display()))?;
    Ok(End::Done)
}
