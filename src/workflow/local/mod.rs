//! Programs on this machine: any program as a workflow, and servers started for one.
//!
//! A spec's program (`program`) runs as a process group that is ended as a whole (`process`): either one
//! process per run (`once`) or a pool of workers that stay (`workers`). `serve` starts a server for an HTTP
//! workflow.
//!
//! Nothing outlives sizer. `strays` finds processes that left their group, `leftover` finds servers of an
//! earlier run, and `guard` ends everything if sizer itself is killed.

mod guard;
mod leftover;
mod once;
mod process;
mod program;
mod serve;
mod strays;
mod tail;
mod workers;

pub use guard::{GUARD_VERB, enable_guard, guard};
pub(super) use program::Program;
pub use serve::Served;

use super::proxy::{Proxy, Ticket};
use super::{Clock, ConnectError, Pending, Workflow};
use crate::measure::{Failure, FailureKind, Item, Run};
use crate::spec::Vault;
use crate::spec::workflow::CommandSpec;
use serde_json::{Map, Value};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use workers::Workers;

/// Workflow of any program on this machine.
pub struct Command {
    how: How,
    proxy: Option<Arc<Proxy>>,
    timeout: Duration,
}

enum How {
    /// One process per run.
    Once(Program),
    /// A pool of long-lived processes.
    Workers(Workers),
}

impl Command {
    /// Prepares a program. Must be called within a tokio runtime.
    pub fn new(
        spec: &CommandSpec,
        base_dir: &Path,
        vault: &Vault<'_>,
    ) -> Result<Self, ConnectError> {
        let proxy = spec.llm.as_ref().map(|llm| Proxy::start(llm, spec.timeout, base_dir, vault));
        let proxy = proxy.transpose()?.map(Arc::new);
        let program = program(spec, base_dir, vault)?;
        let timeout = spec.timeout.to_std();
        let how = if spec.persistent {
            How::Workers(Workers::new(program, proxy.clone(), timeout))
        } else {
            How::Once(program)
        };
        Ok(Self { how, proxy, timeout })
    }

    /// Finds mistakes in a spec without starting anything.
    pub fn check_spec(
        spec: &CommandSpec,
        base_dir: &Path,
        vault: &Vault<'_>,
    ) -> Result<(), ConnectError> {
        program(spec, base_dir, vault).map(drop)
    }

    async fn timed(&self, item: &Item, clock: Clock) -> Run {
        let ticket = self.proxy.as_ref().map(|proxy| proxy.open(&item.id, clock));
        let run = match &self.how {
            How::Once(program) => {
                let variables = ticket.as_ref().map_or_else(Vec::new, Ticket::variables);
                once::run(program, item, &variables, self.timeout, clock).await
            }
            How::Workers(workers) => {
                let told = ticket.as_ref().map_or_else(serde_json::Map::new, Ticket::to_json);
                workers.run(item, told, clock).await
            }
        };
        match ticket {
            Some(ticket) => ticket.finish(run).await,
            None => run,
        }
    }
}

fn program(
    spec: &CommandSpec,
    base_dir: &Path,
    vault: &Vault<'_>,
) -> Result<Program, ConnectError> {
    let program = Program::new(&spec.program(), base_dir, vault)?;
    if spec.persistent && !program.is_fixed() {
        let message = "`run` and `env` of a persistent worker cannot hold templates: it serves many items, and is \
                       handed each as a line of JSON";
        return Err(ConnectError::Client(message.to_owned()));
    }
    Ok(program)
}

impl Workflow for Command {
    fn check(&self) -> Pending<'_, Result<(), Failure>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn prepare<'a>(&'a self, concurrency: u32, items: &'a [Item]) -> Pending<'a, ()> {
        Box::pin(async move {
            if let (How::Workers(workers), Some(item)) = (&self.how, items.first()) {
                workers.prepare(concurrency as usize, item).await;
            }
        })
    }

    fn run<'a>(&'a self, item: &'a Item, clock: Clock) -> Pending<'a, Run> {
        Box::pin(self.timed(item, clock))
    }

    fn close(&self) -> Pending<'_, ()> {
        Box::pin(async move {
            match &self.how {
                How::Once(program) => program.kill_strays(),
                How::Workers(workers) => workers.close().await,
            }
        })
    }
}

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
