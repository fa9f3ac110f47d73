//! Closed loop: a fixed number of runs in flight; each one that ends makes room for the next.

use crate::measure::{Item, Run};
use crate::workflow::{Clock, Workflow};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Called after each run, from the task that made it.
pub type OnRun = Arc<dyn Fn(&Run) + Send + Sync>;

/// Why a level has no record.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The user asked to stop.
    #[error("interrupted")]
    Cancelled,
    /// A defect: a task of the load generator ended without its record.
    #[error("a task of the load generator stopped unexpectedly: {0}")]
    Lost(String),
}

/// One level's load.
pub struct ClosedLoop {
    /// Runs in flight.
    pub concurrency: u32,
    /// What to run, in order.
    pub items: Vec<Item>,
}

impl ClosedLoop {
    /// Runs all items with exactly `concurrency` of them in flight for as long as there are that
    /// many left. The first run that fails stops new ones from being started; those in flight end
    /// by themselves or at their timeout. Records come in the order of the items.
    pub async fn run(
        self,
        workflow: Arc<dyn Workflow>,
        cancel: &CancellationToken,
        on_run: OnRun,
    ) -> Result<Vec<Run>, LoadError> {
        let workers = (self.concurrency as usize).min(self.items.len());
        let shared = Arc::new(Shared {
            items: self.items,
            next: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
            workflow,
            on_run,
            clock: Clock::start(),
        });
        let mut tasks = JoinSet::new();
        for _ in 0..workers {
            tasks.spawn(work(Arc::clone(&shared)));
        }
        let mut records = Vec::with_capacity(shared.items.len());
        loop {
            // Leaving this function drops the tasks, and with them their requests.
            let ended = tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(LoadError::Cancelled),
                ended = tasks.join_next() => ended,
            };
            match ended {
                Some(Ok(mut worker)) => records.append(&mut worker),
                Some(Err(error)) => return Err(LoadError::Lost(error.to_string())),
                None => break,
            }
        }
        records.sort_unstable_by_key(|(index, _)| *index);
        Ok(records.into_iter().map(|(_, run)| run).collect())
    }
}

struct Shared {
    items: Vec<Item>,
    next: AtomicUsize,
    failed: AtomicBool,
    workflow: Arc<dyn Workflow>,
    on_run: OnRun,
    clock: Clock,
}

/// One place in the loop: runs item after item until none is left.
async fn work(shared: Arc<Shared>) -> Vec<(usize, Run)> {
    let mut records = Vec::new();
    while !shared.failed.load(Ordering::Relaxed) {
        let index = shared.next.fetch_add(1, Ordering::Relaxed);
        let Some(item) = shared.items.get(index) else { break };
        let run = shared.workflow.run(item, shared.clock).await;
        if !run.is_ok() {
            shared.failed.store(true, Ordering::Relaxed);
        }
        (shared.on_run)(&run);
        records.push((index, run));
    }
    records
}
