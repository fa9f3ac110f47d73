//! `sizer show`.

use super::End;
use super::diagnose::{CliError, print};
use super::spec_args::SpecArgs;

/// Print the artifact of a stage
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    spec: SpecArgs,
    /// The stage, such as level@8; `sizer plan` lists them
    stage: String,
}

pub(super) fn run(args: &Args) -> Result<End, CliError> {
    let bytes = args.spec.study()?.artifact(&args.stage)?;
    print(&String::from_utf8_lossy(&bytes))?;
    Ok(End::Done)
}
