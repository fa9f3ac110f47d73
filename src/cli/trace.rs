//! `sizer trace`.

use super::diagnose::{CliError, print, tell};
use super::init::write_new;
use super::progress::Progress;
use super::run::block_on;
use super::spec_args::SpecArgs;
use super::{Additions, End};
use crate::study::TraceOptions;
use std::io::IsTerminal;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;

/// Run a workflow and write its load as a spec
///
/// The workflow runs as it is, and its LLM calls are recorded on the way. The result is a `chain` with the
/// same number of calls, prompts and answers of the same lengths, the same pauses and the same
/// parallelism. It needs neither the agent's tools nor its data.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    spec: SpecArgs,
    /// How many runs to record
    #[arg(long, default_value = "20", value_name = "N")]
    runs: NonZeroUsize,
    /// How many of them are in flight at a time; with 1, every pause is the agent's own rather than time in a queue
    #[arg(long, default_value = "1", value_name = "N")]
    concurrency: NonZeroU32,
    /// Where to write the spec; without it, it is printed
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args, additions: &Additions) -> Result<End, CliError> {
    let study = args.spec.study(additions)?;
    let pipeline = study.single().ok_or_else(|| {
        let message =
            "this spec has a matrix, but a trace covers one workflow: name a spec without a matrix";
        CliError::Usage(message.to_owned())
    })?;
    let options = TraceOptions { runs: args.runs.get(), concurrency: args.concurrency.get() };
    let observer = Arc::new(Progress::new(std::io::stderr().is_terminal()));
    let traced = block_on(async |cancel| pipeline.trace(&options, observer, cancel).await)??;
    for note in &traced.notes {
        tell(&format!("note: {note}"));
    }
    match &args.output {
        None => print(&traced.spec)?,
        Some(file) => {
            write_new(file, &traced.spec)?;
            print(&format!("wrote {0}\nrun it: sizer run {0}\n", file.display()))?;
        }
    }
    Ok(End::Done)
}
