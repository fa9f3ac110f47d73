//! Any program on this machine as a workflow: a process per run, or workers that stay.

mod config;
mod kind;

pub use config::CommandSpec;

use super::local::{Program, Workers, once};
use super::proxy::{Proxy, Ticket};
use super::{BoxFuture, Clock, ConnectError, Workflow};
use crate::language::Vault;
use crate::measure::{Failure, Item, Run};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Workflow of any program on this machine.
pub struct Command {
    execution: Execution,
    proxy: Option<Arc<Proxy>>,
    timeout: Duration,
}

enum Execution {
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
        let proxy = Proxy::before(spec.llm.as_ref(), spec.timeout, base_dir, vault)?;
        let program = program(spec, base_dir, vault)?;
        let timeout = spec.timeout.to_std();
        let execution = if spec.persistent {
            Execution::Workers(Workers::new(program, proxy.clone(), timeout))
        } else {
            Execution::Once(program)
        };
        Ok(Self { execution, proxy, timeout })
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
        let run = match &self.execution {
            Execution::Once(program) => {
                let variables = ticket.as_ref().map_or_else(Vec::new, Ticket::variables);
                once::run(program, item, &variables, self.timeout, clock).await
            }
            Execution::Workers(workers) => {
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
    let program = Program::new(&spec.as_program(), base_dir, vault)?;
    if spec.persistent && !program.is_fixed() {
        let message = "`run` and `env` of a persistent worker cannot hold templates: it serves many items, and is \
                       handed each as a line of JSON";
        return Err(ConnectError::Client(message.to_owned()));
    }
    Ok(program)
}

impl Workflow for Command {
    fn check(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn prepare<'a>(&'a self, concurrency: u32, items: &'a [Item]) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let (Execution::Workers(workers), Some(item)) = (&self.execution, items.first()) {
                workers.prepare(concurrency as usize, item).await;
            }
        })
    }

    fn run<'a>(&'a self, item: &'a Item, clock: Clock) -> BoxFuture<'a, Run> {
        Box::pin(self.timed(item, clock))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            match &self.execution {
                Execution::Once(program) => program.kill_strays(),
                Execution::Workers(workers) => workers.close().await,
            }
        })
    }
}
