//! `sizer show`.

use super::diagnose::{CliError, print};
use super::spec_args::SpecArgs;
use super::{Additions, End};

/// Print the artifact of a stage
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    spec: SpecArgs,
    /// The stage, such as level@8; `sizer plan` lists them
    stage: String,
}

pub(super) fn run(args: &Args, additions: &Additions) -> Result<End, CliError> {
    let bytes = args.spec.study(additions)?.artifact(&args.stage)?;
    print(&String::from_utf8_lossy(&bytes))?;
    Ok(End::Done)
}
