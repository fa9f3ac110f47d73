//! Chain: an agent's load played against LLM servers, without the agent.
//!
//! `build` compiles the steps of a spec, `play` executes them for one run, and `draw` provides the numbers
//! that differ from run to run.

mod build;
mod checks;
mod config;
mod draw;
mod draw_spec;
mod kind;
mod play;
mod step;

pub use config::{
    ChainSpec, Choice, HttpCall, LlmStep, Message, RepeatStep, Step, ToolStep, WhenStep,
};
pub use draw_spec::Draw;

use super::local::Program;
use super::{BoxFuture, Clock, ConnectError, Workflow};
use crate::language::Vault;
use crate::measure::{Failure, FailureKind, Item, Outcome, Run};
use indexmap::IndexMap;
use play::Player;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use step::{Server, each_program};

/// Workflow that plays the steps of a chain.
pub struct Chain {
    steps: Vec<step::Step>,
    servers: IndexMap<String, Arc<Server>>,
    /// Number of runs of this level so far; lists of values are cycled through by this index.
    runs: AtomicU64,
    seed: u64,
    timeout: Duration,
}

impl Chain {
    /// Prepares a chain.
    pub fn new(spec: &ChainSpec, base_dir: &Path, vault: &Vault<'_>) -> Result<Self, ConnectError> {
        let (servers, steps) = build::build(spec, base_dir, vault)?;
        let (runs, timeout) = (AtomicU64::new(0), spec.timeout.to_std());
        Ok(Self { steps, servers, runs, seed: spec.seed, timeout })
    }

    async fn timed(&self, item: &Item, clock: Clock) -> Run {
        let turn = self.runs.fetch_add(1, Ordering::Relaxed);
        let player = Player::new(item, clock, self.seed, turn);
        let start = clock.now();
        let played = tokio::time::timeout(self.timeout, player.play(&self.steps, turn, 0)).await;
        let end = clock.now();
        let outcome = match played {
            Ok(Ok(())) => Outcome::Ok,
            Ok(Err(failure)) => Outcome::Failed(failure),
            Err(_) => {
                let seconds = self.timeout.as_secs_f64();
                let message = format!("not all steps were done within {seconds} s");
                Outcome::Failed(Failure::new(FailureKind::Timeout, message))
            }
        };
        let mut llm_calls = player.calls();
        llm_calls.sort_by(|a, b| a.start.total_cmp(&b.start));
        let forms = self.servers.values().flat_map(|server| server.dialect.form().notes());
        let late = self.servers.values().filter_map(|server| server.endpoint.noticed());
        let mut notes: Vec<_> = forms.chain(late).collect();
        notes.sort_unstable();
        notes.dedup();
        Run { id: item.id.clone(), start, end, outcome, llm_calls, notes, ..Run::default() }
    }
}

impl Workflow for Chain {
    fn check(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            for server in self.servers.values() {
                server.endpoint.check(&server.models).await?;
            }
            Ok(())
        })
    }

    fn prepare<'a>(&'a self, _: u32, _: &'a [Item]) -> BoxFuture<'a, ()> {
        self.runs.store(0, Ordering::Relaxed);
        Box::pin(std::future::ready(()))
    }

    fn run<'a>(&'a self, item: &'a Item, clock: Clock) -> BoxFuture<'a, Run> {
        Box::pin(self.timed(item, clock))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move { each_program(&self.steps, &mut Program::kill_strays) })
    }
}
