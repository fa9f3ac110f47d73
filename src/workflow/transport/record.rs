//! Conversion of an exchange to the record of a run.

use super::Endpoint;
use crate::measure::{Failure, FailureKind, Item, LlmCall, Note, Outcome, Phase, Run, Step};
use crate::workflow::{Clock, redacted};
use hyper::StatusCode;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering};

/// Result of an exchange besides its times.
#[derive(Debug, Default)]
pub(in crate::workflow) struct Answer {
    pub llm_calls: Vec<LlmCall>,
    pub server_runtime: Option<f64>,
    /// End of the answer, if known more precisely than the end of the exchange.
    pub ended: Option<f64>,
    /// Number of calls that the server began and did not end.
    pub failed_calls: u32,
    pub notes: Vec<Note>,
    pub steps: Vec<Step>,
}

/// Observations made during an exchange. They survive if it is cut off at its timeout.
#[derive(Debug, Default)]
pub(in crate::workflow) struct Notes {
    status: AtomicU16,
    retries: AtomicU32,
    reconnected: AtomicBool,
}

impl Notes {
    pub(super) fn status(&self, status: StatusCode) {
        self.status.store(status.as_u16(), Ordering::Relaxed);
    }

    pub(super) fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn reconnected(&self) {
        self.reconnected.store(true, Ordering::Relaxed);
    }
}

impl Endpoint {
    /// Returns the observation about the server, if there is any since the last call.
    pub fn noticed(&self) -> Option<Note> {
        (self.connections.take_late() > 0).then_some(Note::HeldOpen)
    }

    /// Turns an exchange into a run: times it, ends it at the timeout, and records the outcome.
    pub async fn record<F>(
        &self,
        item: &Item,
        clock: Clock,
        exchange: impl FnOnce(f64, Arc<Notes>) -> F,
    ) -> Run
    where
        F: Future<Output = Result<Answer, Failure>>,
    {
        let notes = Arc::<Notes>::default();
        let start = clock.now();
        // Pinned in place, since it is large.
        let exchange = pin!(exchange(start, Arc::clone(&notes)));
        let result = tokio::time::timeout(self.timeout, exchange).await;
        let end = clock.now();
        let result = result.unwrap_or_else(|_| {
            let message = format!("no complete answer within {} s", self.timeout.as_secs_f64());
            Err(Failure::new(FailureKind::Timeout, message))
        });
        let (outcome, answer) = match result {
            Ok(answer) => (Outcome::Ok, answer),
            Err(failure) => {
                (Outcome::Failed(redacted::failure(&self.redactor, failure)), Answer::default())
            }
        };
        let status = notes.status.load(Ordering::Relaxed);
        let run = Run {
            id: item.id.clone(),
            start,
            end: answer.ended.unwrap_or(end),
            outcome,
            llm_calls: answer.llm_calls,
            server_runtime: None,
            phase: Phase::Measured,
            http_status: (status > 0).then_some(status),
            reconnected: notes.reconnected.load(Ordering::Relaxed),
            retries: notes.retries.load(Ordering::Relaxed),
            failed_calls: answer.failed_calls,
            notes: answer.notes.into_iter().chain(self.noticed()).collect(),
            steps: answer.steps,
        };
        Run { server_runtime: run.believed(answer.server_runtime), ..run }
    }

    /// The same for a run that is a single LLM call; both get the same start and end.
    pub async fn record_as_call<F>(
        &self,
        item: &Item,
        clock: Clock,
        exchange: impl FnOnce(f64, Arc<Notes>) -> F,
    ) -> Run
    where
        F: Future<Output = Result<Answer, Failure>>,
    {
        let mut run = self.record(item, clock, exchange).await;
        let (start, end) = (run.start, run.end);
        for call in &mut run.llm_calls {
            (call.start, call.end) = (start, end);
        }
        run
    }
}
