//! `sizer render`.

use super::diagnose::{CliError, print};
use super::output_args::OutputArgs;
use super::progress::Progress;
use super::run::execute;
use super::spec_args::{SpecArgs, WaitArgs};
use super::{Additions, End};
use crate::report::{Material, UserTemplate, report};
use crate::study::{PipelineError, RunOptions, Selection, Study};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Built-in reports that can be printed.
const BUILT_IN_TEXTS: [&str; 3] = ["summary.md", "levels.csv", "result.json"];

/// Write the reports from the existing levels; contacts no server
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    spec: SpecArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// Print this report to stdout instead of writing the spec's reports: a template file, or a built-in report such
    /// as summary.md
    #[arg(long)]
    template: Option<PathBuf>,
    #[command(flatten)]
    waiting: WaitArgs,
}

pub(super) fn run(args: &Args, additions: &Additions) -> Result<End, CliError> {
    let study = args.spec.study(additions)?;
    let options = RunOptions {
        offline: true,
        wait: args.waiting.wait,
        asked: args.spec.asked("render"),
        ..RunOptions::default()
    };
    match &args.template {
        None => execute(&study, options, &args.output, &args.spec.as_typed()),
        Some(template) => fill_in(&study, template, options),
    }
}

fn fill_in(study: &Study, template: &Path, options: RunOptions) -> Result<End, CliError> {
    // A name of a built-in report is that report, where no file has it.
    let built_in = template.to_str().filter(|name| BUILT_IN_TEXTS.contains(name));
    let user_template = match built_in.filter(|_| !template.exists()) {
        Some(_) => None,
        None => Some(UserTemplate::read(template).map_err(CliError::Usage)?),
    };
    let selection = Selection::until("result");
    let observer = Arc::new(Progress::new(false));
    let options = RunOptions { observer, selection, ..options };
    let outcome = super::diagnose::runtime()?.block_on(study.run(options))?;
    // The suffix of a template is not the report's: `page.html.j2` makes a page.html.
    let name = template.file_name().unwrap_or(template.as_os_str()).to_string_lossy();
    let name = name.trim_end_matches(".j2").trim_end_matches(".jinja");
    for (_, branch) in &outcome.branches {
        let report = report(name, user_template.clone());
        if let (Some(result), Some(report)) = (&branch.result, report) {
            // A template, and a report that is text, sees the figures alone.
            let material = Material { result, runs: &|_| Ok(Vec::new()) };
            let bytes = report.render(&material).map_err(PipelineError::from)?;
            print(&String::from_utf8_lossy(&bytes))?;
        }
    }
    Ok(End::Done)
}
