//! Redaction between a system under test and the record: everything it says is cleared of secrets first, and
//! cut only then.

use super::{BoxFuture, Clock, Workflow};
use crate::measure::{CpuTime, Failure, Item, LlmCall, Outcome, Run};
use crate::redact::Redactor;
use std::sync::Arc;

/// Maximum length of a finish reason.
const LONGEST_WORD: usize = 40;
/// Maximum length of a model's name.
const LONGEST_NAME: usize = 200;

/// Wrapper of a workflow that removes secrets from everything it records.
pub struct RedactedWorkflow {
    inner: Arc<dyn Workflow>,
    redactor: Redactor,
}

impl RedactedWorkflow {
    /// Wraps a workflow. The redactor must know its secrets.
    pub fn new(inner: Arc<dyn Workflow>, redactor: Redactor) -> Self {
        Self { inner, redactor }
    }
}

impl Workflow for RedactedWorkflow {
    fn check(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async { self.inner.check().await.map_err(|it| failure(&self.redactor, it)) })
    }

    fn prepare<'a>(&'a self, concurrency: u32, items: &'a [Item]) -> BoxFuture<'a, ()> {
        self.inner.prepare(concurrency, items)
    }

    fn run<'a>(&'a self, item: &'a Item, clock: Clock) -> BoxFuture<'a, Run> {
        let running = self.inner.run(item, clock);
        Box::pin(async { run(&self.redactor, running.await) })
    }

    fn host_times(&self) -> Option<Vec<CpuTime>> {
        self.inner.host_times()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

/// Clears a failure of secrets, so that it may be recorded.
pub(super) fn failure(redactor: &Redactor, failure: Failure) -> Failure {
    let Failure { kind, message } = failure;
    Failure { kind, message: redactor.text(message) }.shortened()
}

/// Clears a run of secrets. Every field is named here, so that each new one needs a decision.
fn run(redactor: &Redactor, run: Run) -> Run {
    let Run {
        id,
        start,
        end,
        outcome,
        llm_calls,
        server_runtime,
        phase,
        http_status,
        reconnected,
        retries,
        failed_calls,
        notes,
    } = run;
    let outcome = match outcome {
        Outcome::Ok => Outcome::Ok,
        Outcome::Failed(failed) => Outcome::Failed(failure(redactor, failed)),
    };
    let llm_calls = llm_calls.into_iter().map(|it| call(redactor, it)).collect();
    Run {
        id,
        start,
        end,
        outcome,
        llm_calls,
        server_runtime,
        phase,
        http_status,
        reconnected,
        retries,
        failed_calls,
        notes,
    }
}

fn call(redactor: &Redactor, call: LlmCall) -> LlmCall {
    let LlmCall {
        start,
        end,
        ttft,
        prompt_tokens,
        completion_tokens,
        itl,
        finish_reason,
        model,
        upstream,
        http_status,
        answer_ttft,
        chunks,
        chunk_gaps,
    } = call;
    let said = |text: Option<String>, longest| text.map(|text| cut(redactor.text(text), longest));
    LlmCall {
        start,
        end,
        ttft,
        prompt_tokens,
        completion_tokens,
        itl,
        finish_reason: said(finish_reason, LONGEST_WORD),
        model: said(model, LONGEST_NAME),
        // The spec's own name for the server.
        upstream,
        http_status,
        answer_ttft,
        chunks,
        chunk_gaps,
    }
}

fn cut(mut text: String, longest: usize) -> String {
    text.truncate(text.floor_char_boundary(longest));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::FailureKind;

    #[test]
    fn what_is_too_long_is_cut_after_it_is_masked() {
        let key = "sk-CANARY7f3a9b2c4d5e6f70";
        let redactor = Redactor::default();
        redactor.add(key);
        for before in 460..510 {
            let message = format!("{}{key} is not known here", "p".repeat(before));
            let failed = Failure::new(FailureKind::HttpStatus, message);
            let said = failure(&redactor, failed).message;
            assert!(!said.contains("sk-C") && said.len() <= 504, "{before}: {said}");
        }
        for before in 0..50 {
            let finish_reason = Some("f".repeat(before) + key);
            let said = call(&redactor, LlmCall { finish_reason, ..LlmCall::default() });
            let said = said.finish_reason.unwrap();
            assert!(!said.contains("sk-C") && said.len() <= 40, "{said}");
        }
    }
}
