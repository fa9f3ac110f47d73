//! `sizer worker`, which an executor starts on its machines.

use super::End;
use super::diagnose::{CliError, runtime};
use super::signals::cancel_on_signal;
use crate::load::{LoadError, PlanError, Recorder, WorkOrder, WorkerError};
use crate::spec::process_env;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use tempfile::NamedTempFile;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// Make the load of a level, or of a share of it: reads a plan on stdin as JSON and writes the recording as Parquet
#[derive(clap::Args)]
pub(super) struct Args {
    /// Write the recording to this file instead of stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The share of the plan to make, such as 0/3, 1/3 and 2/3; without it, all of it
    #[arg(long, value_name = "INDEX/OF")]
    share: Option<Share>,
}

/// A share as it is typed.
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
        let (index, of) = numbers.ok_or("a share is a number of several, such as 0/2")?;
        Ok(Self { index, of })
    }
}

pub(super) fn run(args: &Args) -> Result<End, CliError> {
    if args.output.is_none() && io::stdout().is_terminal() {
        let message =
            "a recording is a Parquet file, which no terminal shows: name one with `-o FILE`";
        return Err(CliError::Usage(message.to_owned()));
    }
    let runtime = runtime()?;
    runtime.block_on(async {
        let cancel = CancellationToken::new();
        cancel_on_signal(&cancel);
        let text = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(WorkerError::from(LoadError::Cancelled).into()),
            text = stdin() => text?,
        };
        let mut order = WorkOrder::from_json(&text).map_err(WorkerError::from)?;
        drop(text);
        if let Some(Share { index, of }) = args.share {
            order = order.share(index, of).map_err(WorkerError::from)?;
        }
        let target = Target::beside(args.output.as_deref())?;
        let recorder = Recorder::to_file(target.file()?);
        let recorded = order.carry_out(Path::new("."), &process_env, &cancel, recorder).await?;
        let bytes = recorded.finish().map_err(WorkerError::from)?;
        target.end(bytes.as_deref())?;
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

/// Destination of the recording once it is complete.
enum Target {
    /// A file, by way of one beside it.
    Beside(NamedTempFile, PathBuf),
    /// Stdout, by way of a file without a name.
    Stdout(File),
}

impl Target {
    fn beside(path: Option<&Path>) -> Result<Self, CliError> {
        let cannot = |error| CliError::system("a temporary file cannot be made", error);
        let Some(path) = path else {
            return tempfile::tempfile().map(Self::Stdout).map_err(cannot);
        };
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let beside = NamedTempFile::new_in(dir.unwrap_or(Path::new("."))).map_err(|error| {
            CliError::system(format!("{}: cannot write the file", path.display()), error)
        })?;
        Ok(Self::Beside(beside, path.to_owned()))
    }

    fn file(&self) -> Result<File, CliError> {
        let file = match self {
            Self::Beside(beside, _) => beside.as_file().try_clone(),
            Self::Stdout(file) => file.try_clone(),
        };
        file.map_err(|error| CliError::system("a temporary file cannot be used", error))
    }

    /// Hands over the recording: `bytes`, or the content of the file if they are `None`.
    fn end(self, bytes: Option<&[u8]>) -> Result<(), CliError> {
        match self {
            Self::Beside(mut beside, path) => {
                let cannot = |error: io::Error| {
                    CliError::system(format!("{}: cannot write the file", path.display()), error)
                };
                beside.write_all(bytes.unwrap_or_default()).map_err(cannot)?;
                beside.as_file().sync_all().map_err(cannot)?;
                beside.persist(&path).map_err(|error| cannot(error.error)).map(drop)
            }
            Self::Stdout(mut file) => {
                let cannot = |error| CliError::system("stdout cannot be written", error);
                let mut stdout = io::stdout().lock();
                if let Some(bytes) = bytes {
                    stdout.write_all(bytes).map_err(cannot)?;
                } else {
                    file.rewind().map_err(cannot)?;
                    io::copy(&mut file, &mut stdout).map_err(cannot)?;
                }
                stdout.flush().map_err(cannot)
            }
        }
    }
}
