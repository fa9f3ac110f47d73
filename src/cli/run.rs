//! `sizer run`.

use super::diagnose::{CliError, print, print_json, runtime, tell};
use super::output_args::{Format, OutputArgs};
use super::progress::Progress;
use super::selection_args::SelectionArgs;
use super::signals::cancel_on_signal;
use super::spec_args::{SpecArgs, WaitArgs};
use super::{Additions, End};
use super::{log, plan};
use crate::report::{SizingResult, terminal_summary};
use crate::sizing::Grade;
use crate::study::{CancellationToken, MissingBranch, RunOptions, Study, StudyOutcome};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Measure, fit, estimate and report; only what changed runs again
///
/// Every finished stage is kept in `.sizer` beside the spec, so an interrupted run continues where
/// it stopped, and a changed target measures only what its answer lacks. Reports go to `outputs.dir`.
///
/// STAGE is a stage's name (`sweep@8`), a kind (`sweep`), or a glob (`sweep@1*`); `sizer plan` lists
/// them.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    spec: SpecArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// Contact no server; answer from what exists, and report what is missing
    #[arg(long)]
    offline: bool,
    /// After a stage failed, run whatever does not depend on it
    #[arg(long)]
    keep_going: bool,
    /// Measure this many test rigs at the same time; branches that share a rig take turns
    ///
    /// Branches of a matrix share a rig if they use the same server or have the same `test.rig`. All
    /// rigs are loaded from this machine: use this only if they are far busier than this machine.
    #[arg(long, short, value_name = "N", default_value_t = NonZeroUsize::MIN)]
    jobs: NonZeroUsize,
    #[command(flatten)]
    waiting: WaitArgs,
    /// Show what would run, and why, instead of running it
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args, additions: &Additions) -> Result<End, CliError> {
    let study = args.spec.study(additions)?;
    let selection = args.selection.selection();
    if args.dry_run {
        return plan::show(&study, &selection, args.output.format);
    }
    let options = RunOptions {
        selection,
        offline: args.offline,
        keep_going: args.keep_going,
        jobs: args.jobs,
        wait: args.waiting.wait,
        asked: args.spec.asked("run"),
        ..RunOptions::default()
    };
    execute(&study, options, &args.output, &args.spec.as_typed())
}

/// Runs all branches and prints their results. `spec` is the spec as the user named it.
pub(super) fn execute(
    study: &Study,
    options: RunOptions,
    output: &OutputArgs,
    spec: &str,
) -> Result<End, CliError> {
    let visible = !output.quiet && std::io::stderr().is_terminal();
    let observer = Arc::new(Progress::new(visible));
    let outcome =
        block_on(async |cancel| study.run(RunOptions { observer, cancel, ..options }).await)??;
    match output.format {
        Format::Text => {
            for (_, branch) in &outcome.branches {
                if let Some(result) = &branch.result {
                    print(&with_spec(&terminal_summary(result), spec))?;
                }
            }
            if let Some(comparison) = &outcome.comparison {
                print(&format!("\n{}", comparison.to_markdown()))?;
            }
        }
        Format::Json => print_result(&outcome)?,
    }
    for MissingBranch { branch, error } in &outcome.missing {
        log::causes(error);
        tell(&format!("error: {branch}: {error}"));
    }
    if !output.quiet {
        tell(&stages_line(&outcome));
    }
    let end = |result: &SizingResult| match end(result) {
        End::Done if output.strict && !is_settled(result) => End::NoAnswer,
        end => end,
    };
    let ends = outcome.branches.iter().filter_map(|(_, branch)| branch.result.as_ref().map(end));
    let missing = outcome.missing.first().map(|_| End::NoAnswer);
    Ok(ends.chain(missing).max_by_key(|end| end.code()).unwrap_or(End::Done))
}

/// Returns true if there is a number of GPUs to buy, or no target that asks for one.
fn is_settled(result: &SizingResult) -> bool {
    let counted = result.estimates.iter().all(|estimate| estimate.answer.gpus().is_some());
    counted && result.gpus.grade != Some(Grade::Unsettled)
}

/// Replaces the placeholder for the spec in suggested commands by the name that the user gave.
fn with_spec(text: &str, spec: &str) -> String {
    text.replace("`sizer run SPEC ", &format!("`sizer run {spec} "))
}

/// Runs work to completion on a new runtime; Ctrl-C and similar signals cancel the token it gets.
pub(super) fn block_on<T>(work: impl AsyncFnOnce(CancellationToken) -> T) -> Result<T, CliError> {
    let cancel = CancellationToken::new();
    Ok(runtime()?.block_on(async {
        cancel_on_signal(&cancel);
        work(cancel).await
    }))
}

/// Prints the result; with a matrix, the comparison and the results of all branches.
fn print_result(outcome: &StudyOutcome) -> Result<(), CliError> {
    if let [(None, branch)] = outcome.branches.as_slice() {
        return branch.result.as_ref().map_or(Ok(()), print_json);
    }
    let labelled = outcome.branches.iter();
    let results: BTreeMap<&String, &SizingResult> = labelled
        .filter_map(|(label, branch)| Some((label.as_ref()?, branch.result.as_ref()?)))
        .collect();
    print_json(&serde_json::json!({ "comparison": outcome.comparison, "results": results }))
}

/// Formats the number of stages run and the paths of the reports.
fn stages_line(outcome: &StudyOutcome) -> String {
    let ran: usize = outcome.branches.iter().map(|(_, branch)| branch.stages_run()).sum();
    let all: usize = outcome.branches.iter().map(|(_, branch)| branch.stages.len()).sum();
    let reports: Vec<String> =
        outcome.reports.iter().map(|path| path.display().to_string()).collect();
    let reports = if reports.is_empty() {
        String::new()
    } else {
        format!("; reports: {}", reports.join(", "))
    };
    let stages = if ran == 1 { "stage" } else { "stages" };
    format!("{ran} {stages} run, {} cached{reports}", all - ran)
}

/// Returns the end of a command with this result.
pub(super) fn end(result: &SizingResult) -> End {
    let asked = result.estimates.iter().any(|estimate| estimate.load.is_some());
    if result.is_out_of_reach() {
        End::OutOfReach
    } else if asked && result.estimates.iter().any(|estimate| estimate.answer.capacity().is_none())
    {
        // A target that was asked for and left out would make the others look like the answer.
        End::NoAnswer
    } else {
        End::Done
    }
}
