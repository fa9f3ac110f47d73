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
    let study = args.spec.study()?;
    let (Checked { items, dropped, levels }, branches) = study.check()?;
    let dropped =
        if dropped > 0 { format!(" ({dropped} rows without a question)") } else { String::new() };
    let branches = if branches > 1 { format!(", {branches} branches") } else { String::new() };
    let name = study.branches().next().map(|(_, pipeline)| pipeline.spec().name.clone());
    let name = name.unwrap_or_default();
    print(&format!("{name} is valid: {items} items{dropped}, {levels} levels{branches}\n"))?;
    Ok(End::Done)
}
