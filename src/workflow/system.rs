//! Interface of a system under test.

use super::Clock;
use crate::measure::{CpuTime, Failure, Item, Run};
use std::future::Future;
use std::pin::Pin;

/// Boxed future returned by a workflow.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// System under test.
pub trait Workflow: Send + Sync {
    /// Fails if the system cannot be reached. Called before a sweep, never during one.
    fn check(&self) -> BoxFuture<'_, Result<(), Failure>>;

    /// Prepares for a level with `concurrency` runs of such items in flight. Called before the first run of
    /// each level, while none is in flight. Problems show up in the runs.
    fn prepare<'a>(&'a self, concurrency: u32, items: &'a [Item]) -> BoxFuture<'a, ()> {
        let _ = (concurrency, items);
        Box::pin(std::future::ready(()))
    }

    /// Runs the workflow once. Never fails as a call: a run that went wrong says so in its record.
    ///
    /// Times in the record are seconds on `clock`, taken before the request is sent and after the last byte
    /// arrived.
    fn run<'a>(&'a self, item: &'a Item, clock: Clock) -> BoxFuture<'a, Run>;

    /// Returns the CPU time so far of each process that runs the workflow on this machine; `None` if it runs
    /// elsewhere, or nothing tells.
    fn host_times(&self) -> Option<Vec<CpuTime>> {
        None
    }

    /// Stops whatever was started for the workflow. Called once no run is in flight any more.
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
