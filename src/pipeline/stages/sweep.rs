//! `sweep@c`: the runs at one concurrency. The only stage that asks the server anything.

use super::{Artifacts, Context, Stage};
use crate::dataset::level_size;
use crate::load::{LevelPlan, Pace, Window, run_level, to_parquet};
use crate::measure::{FailureKind, Item, Outcome, Recording, Run};
use crate::pipeline::{PipelineError, StageId};
use crate::spec::{Concurrency, Mode, Process};
use crate::workflow::Pending;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) struct Sweep {
    pub concurrency: u32,
}

impl Stage for Sweep {
    fn version(&self) -> u32 {
        2
    }

    fn reads(&self, context: &Context<'_>) -> Result<Value, PipelineError> {
        let spec = context.spec;
        let mut load = json!(spec.concurrency);
        if let Some(load) = load.as_object_mut() {
            // Which other levels there are, and when they are measured, changes nothing here.
            load.retain(|key, _| key != "levels" && key != "order");
            load.insert("warmup".into(), spec.concurrency.warmup_waves().into());
        }
        Ok(json!({
            "workflow": spec.workflow,
            "concurrency": load,
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
        let load_error = |error| PipelineError::Load { stage: id.clone(), error };
        let workflow = context.workflow().await?;
        let plan = self.plan(&context.spec.concurrency, artifacts)?;
        context.cool_down().await.map_err(load_error)?;
        let planned = match plan.window {
            Window::Runs(runs) => plan.warmup + runs,
            Window::Seconds(_) => 0,
        };
        context.observer.level_started(self.concurrency, planned);
        let observer = Arc::clone(&context.observer);
        let on_run = Arc::new(move |run: &Run| observer.run_done(run));
        let recording = run_level(plan, Arc::clone(&workflow), &context.cancel, on_run).await;
        let recording: Recording = recording.map_err(load_error)?;
        // A server that refuses under load is a finding; one that is gone is not.
        let refused = |run: &Run| matches!(&run.outcome, Outcome::Failed(f) if f.kind == FailureKind::Connect);
        if recording.runs.iter().any(refused)
            && let Err(failure) = workflow.check().await
        {
            return Err(PipelineError::Unreachable { stage: Some(id), failure });
        }
        let unwritten = |error: parquet::errors::ParquetError| PipelineError::Artifact {
            stage: id.clone(),
            message: error.to_string(),
        };
        to_parquet(&recording).map_err(unwritten)
    }

    fn plan(
        &self,
        load: &Concurrency,
        artifacts: &Artifacts<'_>,
    ) -> Result<LevelPlan, PipelineError> {
        let warmup = (load.warmup_waves() as usize).saturating_mul(self.concurrency as usize);
        let counted = match (load.runs, load.passes) {
            (Some(runs), _) => Some(runs as usize),
            (None, Some(passes)) => {
                Some((self.concurrency as usize).saturating_mul(passes as usize))
            }
            (None, None) => None,
        };
        // Beyond what a level asks, the dataset need not be held.
        let needed = counted.map(|runs| runs.saturating_add(warmup));
        let items: Vec<Item> = artifacts.items(needed)?;
        let window = match load.duration {
            Some(duration) => Window::Seconds(duration.get()),
            None => {
                Window::Runs(counted.unwrap_or_else(|| level_size(items.len(), self.concurrency)))
            }
        };
        let pace = match (load.arrivals, load.think_time) {
            (Some(arrivals), _) => Pace::Open {
                rate: arrivals.per_second * f64::from(self.concurrency),
                poisson: arrivals.process == Process::Poisson,
            },
            (None, Some(think)) => Pace::Closed { think: think.median.get(), sigma: think.sigma },
            (None, None) => Pace::Closed { think: 0.0, sigma: 0.0 },
        };
        Ok(LevelPlan {
            concurrency: self.concurrency,
            items,
            warmup,
            window,
            keep_loaded: load.mode == Mode::Sustained,
            ramp: load.ramp.get(),
            pace,
            seed: load.seed ^ u64::from(self.concurrency) << 32,
            tolerated: load.on_failure.tolerated(),
        })
    }
}
