//! `sizer validate`.

use super::End;
use super::diagnose::{CliError, print};
use super::spec_args::SpecArgs;
use crate::pipeline::Checked;

/// Check a spec, the files it names and the variables it refers to; asks no server
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    spec: SpecArgs,
}

pub(super) fn run(args: &Args) -> Result<End, CliError> {
    let pipeline = args.spec.pipeline()?;
    let Checked { items, dropped, levels } = pipeline.check()?;
    let dropped =
        if dropped > 0 { format!(" ({dropped} rows without a question)") } else { String::new() };
    let name = &pipeline.spec().name;
    print(&format!("{name} is valid: {items} items{dropped}, {levels} levels\n"))?;
    Ok(End::Done)
}
