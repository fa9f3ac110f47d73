//! `sizer plan`.

use super::diagnose::{CliError, print};
use super::output_args::Format;
use super::selection_args::SelectionArgs;
use super::spec_args::SpecArgs;
use super::{Additions, End};
use crate::study::{Selection, Status, Study};
use serde_json::json;

/// Show which stages would run, and why; changes nothing and contacts no server
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

pub(super) fn run(args: &Args, additions: &Additions) -> Result<End, CliError> {
    show(&args.spec.study(additions)?, &args.selection.selection(), args.format)
}

/// Returns the name of a stage together with its branch.
pub(super) fn in_branch(stage: &str, branch: Option<&str>) -> String {
    match branch {
        Some(branch) => format!("{stage}[{branch}]"),
        None => stage.to_owned(),
    }
}

/// Prints the stages that a run would execute.
pub(super) fn show(study: &Study, selection: &Selection, format: Format) -> Result<End, CliError> {
    let stages: Vec<(String, Status)> = study
        .plan(selection)?
        .into_iter()
        .flat_map(|(label, stages)| {
            stages.into_iter().map(move |it| (in_branch(&it.id.to_string(), label), it.status))
        })
        .collect();
    print(&match format {
        Format::Text => text(&stages),
        Format::Json => json(&stages),
    })?;
    Ok(End::Done)
}

fn text(stages: &[(String, Status)]) -> String {
    let width = stages.iter().map(|(stage, _)| stage.len()).max().unwrap_or(0);
    let line = |(stage, status): &(String, Status)| {
        let reason = status.reason().map_or_else(String::new, ToString::to_string);
        format!("{stage:width$}  {:7} {reason}", status.word()).trim_end().to_owned()
    };
    let mut lines: Vec<String> = stages.iter().map(line).collect();
    let count = |word: &str| stages.iter().filter(|(_, status)| status.word() == word).count();
    let blocked = match count("blocked") {
        0 => String::new(),
        blocked => format!(", {blocked} blocked"),
    };
    lines.push(format!("{} of {} stages would run{blocked}\n", count("run"), stages.len()));
    lines.join("\n")
}

fn json(stages: &[(String, Status)]) -> String {
    let stages: Vec<serde_json::Value> = stages
        .iter()
        .map(|(stage, status)| {
            let reason = status.reason().map(ToString::to_string);
            json!({ "stage": stage, "status": status.word(), "reason": reason })
        })
        .collect();
    format!("{:#}\n", json!({ "stages": stages }))
}
