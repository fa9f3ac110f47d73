//! `sizer worker`, which an executor starts on its machines.

use super::destination::Destination;
use super::diagnose::{CliError, runtime};
use super::signals::cancel_on_signal;
use super::{Additions, End};
use crate::load::{
    LoadError, PlanError, Recorder, WorkOrder, WorkerError, read_shares, to_parquet,
};
use crate::measure::Recording;
use crate::spec::process_env;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// Generate the load of a level, or of a share of it: reads a plan as JSON from stdin and writes the recording as
/// Parquet
#[derive(clap::Args)]
pub(super) struct Args {
    /// Write the recording to this file instead of stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The share of the plan to carry out, such as 0/3, 1/3 and 2/3; without it, all of it
    #[arg(long, value_name = "INDEX/OF")]
    share: Option<Share>,
    /// Merge the recordings of all shares of a level instead of generating load
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "share")]
    merge: Vec<PathBuf>,
}

/// A share as typed on the command line.
#[derive(Clone, Copy)]
struct Share {
    index: u32,
    of: u32,
}

impl FromStr for Share {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.split_once('/');
        let numbers = numbers.and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        let (index, of) =
            numbers.ok_or("a share is an index and the number of shares, such as 0/2")?;
        Ok(Self { index, of })
    }
}

pub(super) fn run(args: &Args, additions: &Additions) -> Result<End, CliError> {
    Destination::check(args.output.as_deref())?;
    if args.merge.is_empty() { carry_out(args, additions) } else { merge(args) }
}

/// Merges the recordings of shares.
fn merge(args: &Args) -> Result<End, CliError> {
    let same = |path: &&PathBuf| {
        let output = args.output.as_ref().and_then(|it| it.canonicalize().ok());
        output.is_some() && path.canonicalize().ok() == output
    };
    if let Some(path) = args.merge.iter().find(same) {
        let message = format!("{} would be overwritten: write to another file", path.display());
        return Err(CliError::Usage(message));
    }
    let merged = Recording::merge(read_shares(&args.merge)?)?;
    let cannot = |error| CliError::system("the recording cannot be written as Parquet", error);
    let bytes = to_parquet(&merged).map_err(cannot)?;
    Destination::beside(args.output.as_deref())?.end(Some(&bytes))?;
    Ok(End::Done)
}

/// Makes the load of the plan on stdin.
fn carry_out(args: &Args, additions: &Additions) -> Result<End, CliError> {
    let runtime = runtime()?;
    runtime.block_on(async {
        let cancel = CancellationToken::new();
        cancel_on_signal(&cancel);
        let text = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(WorkerError::from(LoadError::Cancelled).into()),
            text = stdin() => text?,
        };
        let mut order =
            WorkOrder::from_json_with(&text, &additions.extensions).map_err(WorkerError::from)?;
        drop(text);
        if let Some(Share { index, of }) = args.share {
            order = order.share(index, of).map_err(WorkerError::from)?;
        }
        let destination = Destination::beside(args.output.as_deref())?;
        let recorder = Recorder::to_file(destination.file()?);
        let recorded = order.carry_out(Path::new("."), &process_env, &cancel, recorder).await?;
        let bytes = recorded.finish().map_err(WorkerError::from)?;
        destination.end(bytes.as_deref())?;
        Ok(End::Done)
    })
}

/// Reads all of stdin, up to the largest size of a plan, on a thread of its own, so that a signal ends
/// the wait.
async fn stdin() -> Result<Vec<u8>, CliError> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        // One byte more tells a plan that is too large from one that is not.
        let most = WorkOrder::LARGEST as u64 + 1;
        let read = io::stdin().lock().take(most).read_to_end(&mut text);
        // Whoever was stopped waits no more.
        let _ = sender.send(read.map(|_| text));
    });
    let unreadable = |error: io::Error| CliError::system("stdin cannot be read", error);
    match receiver.await {
        Ok(text) => text.map_err(unreadable),
        Err(_) => Err(WorkerError::from(PlanError::Nothing).into()),
    }
}
