//! Record and replay: runs an agent as it is, and writes the shape of its load as a spec.

mod shape;
mod spec_text;

use super::context::Context;
use super::stages::DatasetSlice;
use super::{CancellationToken, Observer, Pipeline, PipelineError, StageId};
use crate::load::{Job, LevelPlan, LevelSize, LoadError, Recorder};
use crate::measure::{Item, Outcome, Row, Run};
use crate::pacing::LoadPoint;
use crate::spec::{Concurrency, Mode, OnFailure};
use shape::Shape;
use std::sync::Arc;

/// Options of a trace.
#[derive(Clone, Debug)]
pub struct TraceOptions {
    /// The number of runs to trace.
    pub runs: usize,
    /// The number of them in flight; with 1, no run waits for another.
    pub concurrency: u32,
}

/// The shape of an agent's load.
#[derive(Clone, Debug)]
pub struct TracedSpec {
    /// A spec with a `chain` workflow.
    pub spec: String,
    /// Remarks for the reader of that spec.
    pub notes: Vec<String>,
}

impl Pipeline {
    /// Runs the workflow and makes a `chain` of what was seen. Nothing is kept in the store.
    pub(crate) async fn trace(
        &self,
        options: &TraceOptions,
        observer: Arc<dyn Observer>,
        cancel: CancellationToken,
    ) -> Result<TracedSpec, PipelineError> {
        let spec = self.spec();
        spec_text::servers(spec)?;
        let context = self.context(observer, cancel);
        let recorded = self.runs(&context, options).await;
        context.services.close().await;
        let runs = recorded?;
        let (good, failed): (Vec<Run>, Vec<Run>) = runs.into_iter().partition(Run::is_ok);
        let error = |message: String| spec.error_at("workflow", message);
        let first = failed.first().map(|run| match &run.outcome {
            Outcome::Failed(failure) => failure.to_string(),
            Outcome::Ok => String::new(),
        });
        let (Some(shape), false) = (Shape::of(&good), good.is_empty()) else {
            return Err(match first {
                Some(first) if good.is_empty() => error(format!("all runs failed: {first}")).into(),
                _ => error("no LLM call was seen in any run".to_owned())
                    .help(
                        "the workflow must use the address in OPENAI_BASE_URL (or in `base_url` of a worker's line), \
                         or pass on the x-sizer-run or traceparent header",
                    )
                    .into(),
            });
        };
        let mut notes = shape.notes();
        if let Some(first) = first {
            let (failed, all) = (failed.len(), failed.len() + good.len());
            notes.push(format!("{failed} of {all} runs failed and are left out: {first}"));
        }
        Ok(TracedSpec { spec: spec_text::write(spec, &shape)?, notes })
    }

    async fn runs(
        &self,
        context: &Context,
        options: &TraceOptions,
    ) -> Result<Vec<Run>, PipelineError> {
        let point = LoadPoint::InFlight(options.concurrency);
        let stage = StageId::Sweep(point);
        context.fetch_dataset(false).await?;
        let mut items: Vec<Item> = Vec::new();
        DatasetSlice::of(&context.files)?.rows(&mut |row| {
            if let Row::Item(item) = row
                && items.len() < options.runs
            {
                items.push(item);
            }
            Ok(())
        })?;
        let workflow = context.services.workflow(&self.spec().workflow, &stage).await?;
        workflow.prepare(options.concurrency, &items).await;
        context.services.observer.level_started(point, options.runs);
        // All at once, and whatever fails is left out later.
        let load = Concurrency {
            mode: Mode::Burst,
            on_failure: OnFailure::Tolerate(1.0),
            ..Concurrency::default()
        };
        let size = LevelSize::of_spec(&load, point, Some(options.runs));
        let plan = LevelPlan::of_spec(&load, size, items);
        let observer = Arc::clone(&context.services.observer);
        let on_run = Arc::new(move |run: &Run| observer.run_done(run));
        let (cancel, recorder) = (&context.services.cancel, Recorder::in_memory());
        let job = Job { plan, workflow, scraper: None, cancel, on_run, recorder };
        let recorded =
            context.services.executor.measure(job).await.map_err(|error| match error {
                LoadError::Cancelled => PipelineError::Cancelled { levels: 0 },
                error => PipelineError::Load { stage, error },
            })?;
        Ok(recorded.into_recording().runs)
    }
}
