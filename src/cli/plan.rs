//! `sizer plan`.

use super::End;
use super::diagnose::{CliError, print};
use super::run::{Format, SelectionArgs};
use super::spec_args::SpecArgs;
use crate::pipeline::{Pipeline, PlannedStage, Selection, Status};
use serde_json::json;

/// Show which stages would run, and why; changes nothing and asks no server
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    spec: SpecArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    /// What to print on stdout
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(args: &Args) -> Result<End, CliError> {
    show(&args.spec.pipeline()?, &args.selection.selection(), args.format)
}

/// Prints what a run would do.
pub(super) fn show(
    pipeline: &Pipeline,
    selection: &Selection,
    format: Format,
) -> Result<End, CliError> {
    let stages = pipeline.plan(selection)?.stages;
    print(&match format {
        Format::Text => text(&stages),
        Format::Json => json(&stages),
    })?;
    Ok(End::Done)
}

fn text(stages: &[PlannedStage]) -> String {
    let width = stages.iter().map(|stage| stage.id.to_string().len()).max().unwrap_or_default();
    let line = |stage: &PlannedStage| {
        let reason = stage.status.reason().map(ToString::to_string).unwrap_or_default();
        let line = format!("{:width$}  {:7} {reason}", stage.id.to_string(), stage.status.word());
        line.trim_end().to_owned()
    };
    let mut lines: Vec<String> = stages.iter().map(line).collect();
    let count = |wanted: fn(&Status) -> bool| stages.iter().filter(|s| wanted(&s.status)).count();
    let blocked = match count(|status| matches!(status, Status::Blocked(_))) {
        0 => String::new(),
        blocked => format!(", {blocked} blocked"),
    };
    let would_run = count(|status| matches!(status, Status::Run(_)));
    lines.push(format!("{would_run} of {} stages would run{blocked}\n", stages.len()));
    lines.join("\n")
}

fn json(stages: &[PlannedStage]) -> String {
    let stages: Vec<serde_json::Value> = stages
        .iter()
        .map(|stage| {
            json!({
                "stage": stage.id.to_string(),
                "status": stage.status.word(),
                "reason": stage.status.reason().map(ToString::to_string),
            })
        })
        .collect();
    format!("{:#}\n", json!({ "stages": stages }))
}
