//! Programs on this machine: those that a run starts, and servers started for a workflow.
//!
//! A spec's program (`program`) runs as a process group that is ended as a whole (`process`): either one
//! process per run (`once`) or a pool of workers that stay (`workers`). `serve` starts a server for an HTTP
//! workflow.
//!
//! Nothing outlives sizer. `strays` finds processes that left their group, `leftover` finds servers of an
//! earlier run, and `guard` ends everything if sizer itself is killed.

mod config;
mod guard;
mod leftover;
pub(super) mod once;
mod process;
mod program;
mod serve;
mod strays;
mod tail;
mod usage;
mod workers;

pub use config::{ProgramSpec, ServeSpec};
pub use guard::{GUARD_VERB, GuardCommand, enable_guard, guard};
pub(super) use process::{Process, exit};
pub(super) use program::Program;
pub use serve::ServedWorkflow;
pub(super) use workers::Workers;

use crate::measure::{Failure, FailureKind, Item};
use serde_json::{Map, Value};

/// Runs a program for its output, as a tool does. A non-zero exit status is a failure.
pub(super) async fn output(
    program: &Program,
    item: &Item,
    more: Map<String, Value>,
) -> Result<String, Failure> {
    use tokio::io::AsyncReadExt;
    const LARGEST: u64 = 1 << 20;
    let mut process = process::Process::start(&mut program.command_with(item, &more, &[])?)?;
    drop(process.stdin());
    let mut printed = Vec::new();
    if let Some(stdout) = process.stdout() {
        let read = stdout.take(LARGEST).read_to_end(&mut printed).await;
        read.map_err(|error| Failure::new(FailureKind::Exit, error.to_string()))?;
    }
    let status = process.wait().await;
    let status = status.map_err(|error| Failure::new(FailureKind::Exit, error.to_string()))?;
    let evidence = process.evidence(program.redactor()).await;
    if status.success() {
        Ok(String::from_utf8_lossy(&printed).into_owned())
    } else {
        Err(process::exit(status, &evidence))
    }
}
