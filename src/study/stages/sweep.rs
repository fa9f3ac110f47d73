//! `sweep@c`: the runs at one concurrency. The only stage that asks the server anything.

use super::artifacts::{Artifacts, ExpandedDataset};
use super::output::{Output, Product};
use super::planned_level::PlannedLevel;
use super::stage::{Origin, Stage};
use crate::engine::{Continuation, CutShort};
use crate::load::{Job, LevelPlan, LevelSize, LoadError, Recorder, make_room, to_parquet};
use crate::measure::{Failure, FailureKind, Outcome, PreviousFigures, RecordingMeta, Run};
use crate::pacing::LoadPoint;
use crate::spec::WorkflowSpec;
use crate::store::Content;
use crate::study::graph_level::GraphLevel;
use crate::study::measurement::Measurement;
use crate::study::producer::Producer;
use crate::study::services::Services;
use crate::study::spec_files::SpecFiles;
use crate::study::{PipelineError, StageId};
use serde::{Serialize, Serializer};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

pub(super) struct Sweep {
    point: LoadPoint,
    planned: PlannedLevel,
}

pub(super) enum SweepSlice {
    /// Runs recorded elsewhere; everything about them is in the recording.
    Recorded,
    Measured(Arc<Measurement>),
}

impl Stage for Sweep {
    type Distinction = LoadPoint;
    type Slice = SweepSlice;
    type Inputs<'a> = ExpandedDataset<'a>;
    type Output = Product;
    const VERSION: u32 = 5;

    fn of(point: LoadPoint, origin: Origin<'_>) -> Self {
        Self { point, planned: (origin.sweep)(point) }
    }

    fn slice(&self, files: &SpecFiles) -> Result<SweepSlice, PipelineError> {
        if !Producer::of(&files.spec).measures() {
            return Ok(SweepSlice::Recorded);
        }
        files.measurement().map(SweepSlice::Measured)
    }

    fn inputs<'a>(
        &self,
        artifacts: &'a Artifacts<'_>,
    ) -> Result<ExpandedDataset<'a>, PipelineError> {
        Ok(artifacts.expanded())
    }

    async fn run(
        &self,
        slice: &SweepSlice,
        expanded: Self::Inputs<'_>,
        services: &Services,
    ) -> Result<Product, PipelineError> {
        match slice {
            SweepSlice::Recorded => self.recorded(expanded, services),
            SweepSlice::Measured(slice) => self.sweep(slice, expanded, services).await,
        }
    }
}

impl Serialize for SweepSlice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Recorded => json!({ "workflow": { "type": "recorded" } }).serialize(serializer),
            Self::Measured(slice) => slice.reads().serialize(serializer),
        }
    }
}

/// The state of the server, as seen in the runs of a level.
#[derive(Default)]
struct ServerState {
    /// A run failed as it does when the server goes away.
    lost: AtomicBool,
    /// A run had a connection.
    met: AtomicBool,
    /// A run was taken, or could have been: it did not fail because of its request.
    taken: AtomicBool,
    /// The failure of the first run that was not taken.
    untaken: OnceLock<Failure>,
}

impl ServerState {
    fn add(&self, run: &Run) {
        use FailureKind::{Closed, Connect, Reset};
        let kind = match &run.outcome {
            Outcome::Ok => None,
            Outcome::Failed(failure) => Some(failure.kind),
        };
        if matches!(kind, Some(Connect | Closed | Reset)) {
            self.lost.store(true, Ordering::Relaxed);
        }
        if kind != Some(Connect) {
            self.met.store(true, Ordering::Relaxed);
        }
        match &run.outcome {
            Outcome::Failed(failure) if run.http_status.is_some_and(blames_the_request) => {
                self.untaken.get_or_init(|| failure.clone());
            }
            _ => self.taken.store(true, Ordering::Relaxed),
        }
    }

    /// The failure of the first run, if every run failed because of its request.
    fn untaken(&self) -> Option<Failure> {
        self.untaken.get().filter(|_| !self.taken.load(Ordering::Relaxed)).cloned()
    }
}

/// Returns true if a status says that the request itself is wrong, whatever the load: not that it came too late, too
/// early or with too many others.
fn blames_the_request(status: u16) -> bool {
    const BY_LOAD: [u16; 3] = [408, 425, 429];
    (400..500).contains(&status) && !BY_LOAD.contains(&status)
}

/// The end of a level whose server was gone before it was over, which ends the run.
fn gone(id: StageId, failure: Failure) -> CutShort<PipelineError> {
    let (why, stage) = (failure.to_string(), Some(id));
    let error = PipelineError::Unreachable { stage, kept: true, failure };
    CutShort { why, then: Continuation::Stop(error) }
}

/// The end of a level of which the server accepted no run: a wrong key or model says nothing about what a rig
/// carries.
fn untaken(id: &StageId, failure: &Failure) -> CutShort<PipelineError> {
    let notice = format!(
        "{id}: the server accepted none of the runs ({failure}); the next run measures it again"
    );
    CutShort { why: failure.to_string(), then: Continuation::GoOn(notice) }
}

impl Sweep {
    /// The runs that a recording has of this level.
    fn recorded(
        &self,
        expanded: ExpandedDataset<'_>,
        services: &Services,
    ) -> Result<Product, PipelineError> {
        let level = expanded.foreign_level(self.point.axis())?;
        if level.runs.is_empty() {
            let message = format!("the recording has no run at concurrency {}", self.point);
            let error = services.error_at("concurrency.levels", message);
            return Err(error.help("leave `concurrency` out for all levels that it has").into());
        }
        let id = StageId::Sweep(self.point);
        let unwritten = |error: parquet::errors::ParquetError| PipelineError::Artifact {
            stage: id.clone(),
            error: error.into(),
        };
        to_parquet(&level).map_err(unwritten)?.into_product(&id)
    }

    async fn sweep(
        &self,
        slice: &Measurement,
        expanded: ExpandedDataset<'_>,
        services: &Services,
    ) -> Result<Product, PipelineError> {
        let id = StageId::Sweep(self.point);
        let load_error = |error| PipelineError::Load { stage: id.clone(), error };
        // Before anything is opened: too few files look like a server that is not there.
        self.make_room(&slice.workflow).map_err(load_error)?;
        let workflow = services.workflow(&slice.workflow, &id).await?;
        let plan = self.plan(slice, expanded)?;
        let scraper = services.scraper(slice.scrape.as_ref()).await?;
        services.cool_down(slice.load.cooldown).await.map_err(load_error)?;
        workflow.prepare(self.point.axis(), &plan.workload.items).await;
        services.observer.level_started(self.point, plan.runs().unwrap_or(0));
        let (observer, seen) = (Arc::clone(&services.observer), Arc::new(ServerState::default()));
        let notes = Arc::clone(&seen);
        let on_run = Arc::new(move |run: &Run| {
            notes.add(run);
            observer.run_done(run);
        });
        let staged = services.store.stage()?;
        let file = staged.as_ref().map(|staged| staged.file().try_clone()).transpose();
        let file = file.map_err(|error| load_error(LoadError::Unwritten(error.into())))?;
        let recorder = file.map_or_else(Recorder::in_memory, Recorder::to_file);
        let (server, cancel) = (Arc::clone(&workflow), &services.cancel);
        let job = Job { plan, workflow: server, scraper, cancel, on_run, recorder };
        let mut recorded = services.executor.measure(job).await.map_err(load_error)?;
        // A server that refuses or breaks off under load is a finding; one that is gone ends the sweep.
        let cut_short;
        if seen.lost.load(Ordering::Relaxed)
            && let Err(failure) = workflow.check().await
        {
            // It may have been gone before the level began.
            if !seen.met.load(Ordering::Relaxed) {
                return Err(PipelineError::Unreachable { stage: Some(id), kept: false, failure });
            }
            recorded.around.server_gone = Some(failure.to_string());
            cut_short = Some(gone(id.clone(), failure));
        } else {
            cut_short = seen.untaken().map(|failure| untaken(&id, &failure));
        }
        self.note_what_was_before(slice, services, &mut recorded.around)?;
        let content = match (recorded.finish().map_err(load_error)?, staged) {
            (None, Some(staged)) => Content::File(staged),
            (Some(bytes), _) => Content::Bytes(bytes),
            (None, None) => return Err(load_error(LoadError::NoRecorder)),
        };
        Ok(Product { content, cut_short })
    }

    /// Notes the goal of an adaptive sweep, and the recording that this one replaces.
    fn note_what_was_before(
        &self,
        slice: &Measurement,
        services: &Services,
        around: &mut RecordingMeta,
    ) -> Result<(), PipelineError> {
        let Some(asked) = &self.planned.asked else { return Ok(()) };
        around.asked = Some(asked.clone());
        let Some(GraphLevel { known: Some(known), again, .. }) = &self.planned.level else {
            return Ok(());
        };
        let artifacts = [(StageId::Sweep(self.point), known.manifest.digest.clone())].into();
        Artifacts::new(&services.store, artifacts).runs().at(self.point.axis(), |runs| {
            around.replaced.clone_from(&runs.around().replaced);
            // Who forces a level knows why; nothing is to be concluded from it.
            if again.is_some() {
                around.before = PreviousFigures::of(runs)?;
            }
            Ok(())
        })?;
        // Under the same key there is no other to choose from any more.
        if known.manifest.parts.reads != *slice.reads() {
            around.replaced.push(known.manifest.digest.to_string());
        }
        Ok(())
    }

    /// Makes sure that the highest level can open its files, before the first one is measured in vain.
    fn make_room(&self, workflow: &WorkflowSpec) -> Result<(), LoadError> {
        Ok(make_room(self.planned.highest.axis(), workflow.open_files_per_run())?)
    }

    fn plan(
        &self,
        slice: &Measurement,
        expanded: ExpandedDataset<'_>,
    ) -> Result<LevelPlan, PipelineError> {
        let load = &self.planned.with_amount(&slice.load);
        let size = LevelSize::of_spec(load, self.point, self.planned.chosen_runs());
        // Beyond what a level asks, the dataset need not be held.
        let items = expanded.items(size.items())?;
        Ok(LevelPlan::of_spec(load, size, items))
    }
}
