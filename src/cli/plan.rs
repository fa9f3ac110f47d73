//! `sizer plan`.

use super::End;
use super::diagnose::{CliError, print};
use super::spec_args::SpecArgs;
use crate::pipeline::Status;

/// Show which stages would run, and why; changes nothing and asks no server
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    spec: SpecArgs,
}

pub(super) fn run(args: &Args) -> Result<End, CliError> {
    let plan = args.spec.pipeline()?.plan()?;
    let width =
        plan.stages.iter().map(|stage| stage.id.to_string().len()).max().unwrap_or_default();
    let mut lines = Vec::new();
    let mut would_run = 0_usize;
    for stage in &plan.stages {
        let id = stage.id.to_string();
        match &stage.status {
            Status::Cached => lines.push(format!("{id:width$}  cached")),
            Status::Run(reason) => {
                would_run += 1;
                lines.push(format!("{id:width$}  run     {reason}"));
            }
        }
    }
    lines.push(format!("{would_run} of {} stages would run\n", plan.stages.len()));
    print(&lines.join("\n"))?;
    Ok(End::Done)
}
