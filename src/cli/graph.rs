//! `sizer graph`.

use super::diagnose::{CliError, print};
use super::spec_args::SpecArgs;
use super::{Additions, End};
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

/// Output languages of graphs.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For Markdown viewers
    Mermaid,
    /// For Graphviz
    Dot,
}

pub(super) fn run(args: &Args, additions: &Additions) -> Result<End, CliError> {
    let study = args.spec.study(additions)?;
    // The branches of a matrix have graphs of the same shape, one beside the other.
    for (label, pipeline) in study.branches() {
        let graph = pipeline.graph();
        let label = label.map_or_else(String::new, |label| format!("[{label}]"));
        let (comment, text) = match args.format {
            Format::Mermaid => ("%%", graph.to_mermaid()),
            Format::Dot => ("//", graph.to_dot()),
        };
        let head = if label.is_empty() { label } else { format!("{comment} {label}\n") };
        print(&format!("{head}{text}"))?;
    }
    Ok(End::Done)
}
