//! Runs that may call, and the calls recorded for each.

use crate::measure::{LlmCall, Run};
use crate::workflow::Clock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use uuid::Uuid;

/// Time that the proxy gets to see the end of an answer whose last byte has reached the workflow. Far longer
/// than that takes, and short for a call whose answer is no longer awaited.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// Valid tokens, one per run in flight.
#[derive(Default)]
pub(super) struct Tickets(Mutex<HashMap<Uuid, Arc<OpenRun>>>);

/// Run in flight.
pub(super) struct OpenRun {
    pub id: String,
    pub clock: Clock,
    log: Mutex<CallLog>,
    changed: Notify,
}

#[derive(Default)]
struct CallLog {
    calls: Vec<LlmCall>,
    failed: u32,
    in_flight: u32,
}

impl Tickets {
    /// Issues a token for a run.
    pub fn open(&self, id: &str, clock: Clock) -> (Uuid, Arc<OpenRun>) {
        let run =
            OpenRun { id: id.to_owned(), clock, log: Mutex::default(), changed: Notify::new() };
        let (token, run) = (Uuid::new_v4(), Arc::new(run));
        lock(&self.0).insert(token, Arc::clone(&run));
        (token, run)
    }

    /// Revokes a token.
    pub fn close(&self, token: &Uuid) {
        lock(&self.0).remove(token);
    }

    /// Returns the run of a token, which is 32 hexadecimal digits.
    pub fn find(&self, token: &str) -> Option<Arc<OpenRun>> {
        if token.len() != 32 {
            return None;
        }
        let token = Uuid::try_parse(token).ok()?;
        lock(&self.0).get(&token).cloned()
    }
}

impl OpenRun {
    pub fn begin(&self) {
        lock(&self.log).in_flight += 1;
    }

    /// Records the end of a call; `None` if it failed.
    pub fn end(&self, call: Option<LlmCall>) {
        let mut log = lock(&self.log);
        log.in_flight = log.in_flight.saturating_sub(1);
        match call {
            Some(call) => log.calls.push(call),
            None => log.failed = log.failed.saturating_add(1),
        }
        drop(log);
        self.changed.notify_one();
    }

    /// Attaches the recorded calls to the run. A call still in flight shortly afterwards counts as failed.
    pub async fn end_in(&self, run: &mut Run) {
        let quiet = async {
            while !self.is_quiet() {
                self.changed.notified().await;
            }
        };
        let _ = tokio::time::timeout(LAST_WORDS, quiet).await;
        let mut log = lock(&self.log);
        run.llm_calls = std::mem::take(&mut log.calls);
        run.llm_calls.sort_by(|a, b| a.start.total_cmp(&b.start));
        run.failed_calls = log.failed.saturating_add(log.in_flight);
    }

    fn is_quiet(&self) -> bool {
        lock(&self.log).in_flight == 0
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
