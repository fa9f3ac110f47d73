//! The workflow kind `echo`: its keys in a spec, and its client.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sizer::errors::ConnectError;
use sizer::extend::{Check, Checker, Vault};
use sizer::sections::Seconds;
use sizer::{BoxFuture, Clock, Failure, Item, Kind, LlmCall, Run, Workflow, WorkflowConfig};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Keys of the section `workflow`. A change of any of them measures the levels again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EchoSpec {
    /// Time that each letter of a question takes.
    per_letter: Seconds,
    /// Answers that can be given at a time.
    mouths: u32,
}

impl Kind for EchoSpec {
    const NAME: &'static str = "echo";
    const DESCRIPTION: &'static str = "Says everything again, letter by letter.";
}

impl WorkflowConfig for EchoSpec {
    fn validate(&self, checker: &Checker<'_>) -> Check {
        checker.ensure(
            self.mouths > 0,
            "workflow.mouths",
            "an echo has at least 1 mouth",
            "write `mouths: 1`",
        )
    }

    fn client(&self, _: &Path, _: &Vault<'_>) -> Result<Arc<dyn Workflow>, ConnectError> {
        let mouths = Semaphore::new(self.mouths as usize);
        Ok(Arc::new(Echo { per_letter: self.per_letter.to_std(), mouths }))
    }
}

struct Echo {
    per_letter: Duration,
    mouths: Semaphore,
}

impl Workflow for Echo {
    fn check(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn run<'a>(&'a self, item: &'a Item, clock: Clock) -> BoxFuture<'a, Run> {
        Box::pin(async move {
            let start = clock.now();
            let mouth = self.mouths.acquire().await;
            let began = clock.now();
            let letters = u32::try_from(item.input.len()).unwrap_or(u32::MAX);
            tokio::time::sleep(self.per_letter.saturating_mul(letters)).await;
            drop(mouth);
            let end = clock.now();
            let call = LlmCall { start: began, end, ..LlmCall::default() };
            Run { id: item.id.clone(), start, end, llm_calls: vec![call], ..Run::default() }
        })
    }
}
