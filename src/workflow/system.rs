//! What a system under test is asked to do.

use super::Clock;
use crate::measure::{Failure, Item, Run};
use std::future::Future;
use std::pin::Pin;

/// A future that a workflow returns.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A system under test.
pub trait Workflow: Send + Sync {
    /// Whether the system can be reached at all; asked before a sweep, never during one.
    fn check(&self) -> Pending<'_, Result<(), Failure>>;

    /// Makes ready for a level at which `concurrency` runs of such items are in flight. Called before
    /// the first run of each level, while none is under way; what goes wrong shows in the runs.
    fn prepare<'a>(&'a self, concurrency: u32, items: &'a [Item]) -> Pending<'a, ()> {
        let _ = (concurrency, items);
        Box::pin(std::future::ready(()))
    }

    /// Runs the workflow once. Never fails as a call: a run that went wrong says so in its record.
    ///
    /// Times in the record are seconds on `clock`, taken before the request is sent and after the
    /// last byte arrived.
    fn run<'a>(&'a self, item: &'a Item, clock: Clock) -> Pending<'a, Run>;

    /// Ends whatever was started for it; called once no run is under way any more.
    fn close(&self) -> Pending<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
