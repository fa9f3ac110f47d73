//! `sizer validate`.

use super::diagnose::{CliError, print};
use super::spec_args::SpecArgs;
use super::{Additions, End};
use crate::dataset::Counts;
use crate::study::CheckSummary;

/// Check a spec, the files it names and the variables it refers to; contacts no server
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    spec: SpecArgs,
}

pub(super) fn run(args: &Args, additions: &Additions) -> Result<End, CliError> {
    let study = args.spec.study(additions)?;
    let (CheckSummary { counts, remote, levels }, branches) = study.check()?;
    let levels = levels.map(|count| counted(count, "level"));
    let levels = levels.unwrap_or_else(|| "adaptive levels".to_owned());
    let Counts { items, dropped, filtered } = counts;
    let left_out: Vec<String> = [(dropped, "without a question"), (filtered, "filtered out")]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, why)| format!("{} {why}", counted(*count, "row")))
        .collect();
    let left_out =
        if left_out.is_empty() { String::new() } else { format!(" ({})", left_out.join(", ")) };
    let items = if remote { "a remote dataset".to_owned() } else { counted(items, "item") };
    let branches = if branches > 1 { format!(", {branches} branches") } else { String::new() };
    let name = study.branches().next().map(|(_, pipeline)| pipeline.spec().name.clone());
    // There is no set of specs without one.
    let name = name.unwrap_or_else(|| "the spec".to_owned());
    print(&format!("{name} is valid: {items}{left_out}, {levels}{branches}\n"))?;
    Ok(End::Done)
}

/// A number of things, with the word for them.
fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
