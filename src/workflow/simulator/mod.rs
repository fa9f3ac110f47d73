//! Embedded LLM server: a continuous-batching engine behind real HTTP on a loopback port.
//!
//! `engine` is the pure model in virtual time, `driver` runs it in real time, `server` and its routes speak
//! HTTP, and `faults` makes things go wrong on request.

mod chat;
mod checks;
mod config;
mod driver;
pub mod engine;
mod faults;
mod generate;
mod kind;
mod log;
mod server;
mod shared;

pub use config::{Agent, Engine, Fault, FaultKind, Length, Protocol, SimulatorSpec};
pub use server::Simulator;

use super::nat::Nat;
use super::openai::Openai;
use super::{BoxFuture, Clock, ConnectError, Workflow};
use crate::measure::{Failure, Item, Run};

/// Simulator as a system under test: a server of its own, and a client that measures it.
pub struct SimulatedWorkflow {
    // Held so that the server lives as long as its client.
    _server: Simulator,
    client: Box<dyn Workflow>,
}

impl SimulatedWorkflow {
    /// Starts a server on a free loopback port. Must be called within a tokio runtime.
    pub fn start(spec: &SimulatorSpec) -> Result<Self, ConnectError> {
        let server = Simulator::start(spec, 0, None).map_err(ConnectError::Listen)?;
        let address = server.address();
        let (timeout, connection) = (spec.timeout, &spec.connection);
        let client: Box<dyn Workflow> = match spec.protocol {
            Protocol::Openai => {
                let base = format!("http://{address}/v1");
                Box::new(Openai::local(base, spec.stream, timeout, connection)?)
            }
            Protocol::Nat => {
                Box::new(Nat::local(format!("http://{address}"), timeout, connection)?)
            }
        };
        Ok(Self { _server: server, client })
    }
}

impl Workflow for SimulatedWorkflow {
    fn check(&self) -> BoxFuture<'_, Result<(), Failure>> {
        self.client.check()
    }

    fn run<'a>(&'a self, item: &'a Item, clock: Clock) -> BoxFuture<'a, Run> {
        self.client.run(item, clock)
    }
}
