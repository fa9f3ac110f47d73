//! `sweep@c`: the runs at one concurrency. The only stage that asks the server anything.

use super::artifacts::to_lines;
use super::{Artifacts, Context, Stage};
use crate::dataset::{items_needed, level_items};
use crate::load::ClosedLoop;
use crate::measure::{FailureKind, Outcome, Run};
use crate::pipeline::{PipelineError, StageId};
use crate::workflow::Pending;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) struct Sweep {
    pub concurrency: u32,
}

impl Stage for Sweep {
    fn version(&self) -> u32 {
        1
    }

    fn reads(&self, context: &Context<'_>) -> Result<Value, PipelineError> {
        let spec = context.spec;
        Ok(json!({
            "workflow": spec.workflow,
            "concurrency": { "passes": spec.concurrency.passes },
            "test": { "rig": spec.test.rig },
        }))
    }

    fn run<'a>(
        &'a self,
        context: &'a Context<'_>,
        artifacts: &'a Artifacts<'_>,
    ) -> Pending<'a, Result<Vec<u8>, PipelineError>> {
        Box::pin(self.sweep(context, artifacts))
    }
}

impl Sweep {
    async fn sweep(
        &self,
        context: &Context<'_>,
        artifacts: &Artifacts<'_>,
    ) -> Result<Vec<u8>, PipelineError> {
        let id = StageId::Sweep(self.concurrency);
        let workflow = context.workflow().await?;
        let passes = context.spec.concurrency.passes;
        let items = artifacts.items(items_needed(self.concurrency, passes))?;
        let items = level_items(&items, self.concurrency, passes);
        context.observer.level_started(self.concurrency, items.len());
        let observer = Arc::clone(&context.observer);
        let on_run = Arc::new(move |run: &Run| observer.run_done(run));
        let level = ClosedLoop { concurrency: self.concurrency, items };
        let runs = level.run(Arc::clone(&workflow), &context.cancel, on_run).await;
        let runs = runs.map_err(|error| PipelineError::Load { stage: id.clone(), error })?;
        // A server that refuses under load is a finding; one that is gone is not.
        let refused = |run: &Run| matches!(&run.outcome, Outcome::Failed(f) if f.kind == FailureKind::Connect);
        if runs.iter().any(refused)
            && let Err(failure) = workflow.check().await
        {
            return Err(PipelineError::Unreachable { stage: Some(id), failure });
        }
        Ok(to_lines(&runs))
    }
}
