//! `sizer estimate`.

use super::diagnose::CliError;
use super::output_args::OutputArgs;
use super::run::execute;
use super::spec_args::{SpecArgs, WaitArgs};
use super::{Additions, End};
use crate::study::{RunOptions, Selection};

/// Estimate from the existing levels; contacts no server and writes no report
///
/// A quick way to try a target: sizer estimate spec.yml --set targets.users=500
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    spec: SpecArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    waiting: WaitArgs,
}

pub(super) fn run(args: &Args, additions: &Additions) -> Result<End, CliError> {
    let selection = Selection::until("result");
    let options = RunOptions {
        selection,
        offline: true,
        wait: args.waiting.wait,
        asked: args.spec.asked("estimate"),
        ..RunOptions::default()
    };
    execute(&args.spec.study(additions)?, options, &args.output, &args.spec.as_typed())
}
