//! Redaction between a system under test and the record: everything it says is cleared of secrets first, and
//! cut only then.

use super::{Clock, Workflow};
use crate::measure::{CpuTime, Failure, Item, LlmCall, Outcome, Run, Step};
use crate::redact::Redactor;
use std::sync::Arc;

/// Maximum length of a finish reason.
const LONGEST_WORD: usize = 40;
/// Maximum length of a model's name.
const LONGEST_NAME: usize = 200;

/// Workflow from whose records secrets have been removed. It is the only form of a system under test that load is
/// put on, and no [`Workflow`] itself: its runs are part of the caller's task, without a box of their own, since
/// every token of every answer passes through.
pub struct RedactedWorkflow {
    inner: Arc<dyn Workflow>,
    redactor: Redactor,
}

impl RedactedWorkflow {
    /// Wraps a workflow. The redactor must know its secrets.
    pub(crate) fn new(inner: Arc<dyn Workflow>, redactor: Redactor) -> Self {
        Self { inner, redactor }
    }

    /// Wraps a workflow that knows no secrets.
    pub fn without_secrets(inner: Arc<dyn Workflow>) -> Self {
        Self::new(inner, Redactor::default())
    }

    /// See [`Workflow::check`].
    pub async fn check(&self) -> Result<(), Failure> {
        self.inner.check().await.map_err(|it| failure(&self.redactor, it))
    }

    /// See [`Workflow::prepare`].
    pub async fn prepare(&self, concurrency: u32, items: &[Item]) {
        self.inner.prepare(concurrency, items).await;
    }

    /// See [`Workflow::run`].
    pub async fn run(&self, item: &Item, clock: Clock) -> Run {
        run(&self.redactor, self.inner.run(item, clock).await)
    }

    /// See [`Workflow::host_times`].
    pub fn host_times(&self) -> Option<Vec<CpuTime>> {
        self.inner.host_times()
    }

    /// See [`Workflow::close`].
    pub async fn close(&self) {
        self.inner.close().await;
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
        steps,
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
        steps: steps.into_iter().map(|it| step(redactor, it)).collect(),
    }
}

fn step(redactor: &Redactor, step: Step) -> Step {
    let Step { kind, name, start, end, parent } = step;
    let mut name = cut(redactor.text(name), Step::LONGEST_NAME);
    name.shrink_to_fit();
    Step { kind, name, start, end, parent }
}

fn call(redactor: &Redactor, call: LlmCall) -> LlmCall {
    let LlmCall {
        start,
        end,
        ttft,
        prompt_tokens,
        cached_tokens,
        shared_prefix,
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
        cached_tokens,
        shared_prefix,
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
    use crate::measure::{FailureKind, StepKind};

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
        for before in 60..110 {
            let name = "s".repeat(before) + key;
            let said = Step { kind: StepKind::Tool, name, start: 0.0, end: 1.0, parent: None };
            let said = step(&redactor, said).name;
            assert!(!said.contains("sk-C") && said.len() <= 100, "{said}");
        }
    }
}
