//! `sizer graph`.

use super::End;
use super::diagnose::{CliError, print};
use super::spec_args::SpecArgs;
use clap::ValueEnum;

/// Print the graph of stages
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    spec: SpecArgs,
    /// The language to print it in
    #[arg(long, value_enum, default_value_t = Format::Mermaid)]
    format: Format,
}

/// The languages of graphs.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For Markdown viewers
    Mermaid,
    /// For Graphviz
    Dot,
}

pub(super) fn run(args: &Args) -> Result<End, CliError> {
    let pipeline = args.spec.pipeline()?;
    let graph = pipeline.graph();
    print(&match args.format {
        Format::Mermaid => graph.to_mermaid(),
        Format::Dot => graph.to_dot(),
    })?;
    Ok(End::Done)
}
