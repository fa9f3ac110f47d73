//! `sizer run`.

use super::End;
use super::diagnose::{CliError, print, runtime};
use super::progress::Progress;
use super::spec_args::SpecArgs;
use crate::pipeline::{CancellationToken, Outcome, RunOptions};
use crate::report::{SizingResult, terminal_summary};
use clap::ValueEnum;
use std::io::IsTerminal;
use std::sync::Arc;

/// Measure, fit, estimate and report; only what changed runs again
///
/// Every finished stage is kept in `.sizer` beside the spec, so an interrupted run goes on where it
/// stopped, and a changed target measures nothing again. Reports go to `outputs.dir`.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    spec: SpecArgs,
    /// What to print on stdout
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print no progress and no summary of stages
    #[arg(long, short)]
    quiet: bool,
}

/// What to print on stdout.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The table and the estimates
    Text,
    /// result.json, and nothing else
    Json,
}

pub(super) fn run(args: &Args) -> Result<End, CliError> {
    let pipeline = args.spec.pipeline()?;
    let cancel = CancellationToken::new();
    let visible = !args.quiet && std::io::stderr().is_terminal();
    let observer = Arc::new(Progress::new(visible));
    let options = RunOptions { observer, cancel: cancel.clone() };
    let outcome = runtime()?.block_on(async {
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                cancel.cancel();
            }
        });
        pipeline.run(options).await
    })?;
    match args.format {
        Format::Text => print(&terminal_summary(&outcome.result))?,
        Format::Json => {
            let json = serde_json::to_string_pretty(&outcome.result)
                .map_err(|error| CliError::System(error.to_string()))?;
            print(&format!("{json}\n"))?;
        }
    }
    if !args.quiet {
        eprintln!("{}", stages_line(&outcome));
    }
    Ok(end(&outcome.result))
}

/// What ran and where the reports are.
fn stages_line(outcome: &Outcome) -> String {
    let ran = outcome.stages_run();
    let cached = outcome.stages.len() - ran;
    let reports: Vec<String> =
        outcome.reports.iter().map(|path| path.display().to_string()).collect();
    let reports = if reports.is_empty() {
        String::new()
    } else {
        format!("; reports: {}", reports.join(", "))
    };
    format!("{ran} stages run, {cached} cached{reports}")
}

fn end(result: &SizingResult) -> End {
    let asked = result.estimates.iter().any(|estimate| estimate.users.is_some());
    if result.is_out_of_reach() {
        End::OutOfReach
    } else if asked && result.estimates.iter().all(|estimate| estimate.capacity.is_none()) {
        End::NoAnswer
    } else {
        End::Done
    }
}
