//! Plans, states and single artifacts of a pipeline, for looking only.

use super::execute::check_selection;
use super::stages::push_line;
use super::{Pipeline, PipelineError, Plan, PlannedStage, Reason, Selection, StageId, StageStatus};
use crate::engine;
use crate::load::{ForeignRun, from_parquet};
use crate::store::{LockState, Store};

impl Pipeline {
    /// Says what a run would do. Reads the spec's files and the store; changes nothing, asks no
    /// server.
    pub fn plan(&self, selection: &Selection) -> Result<Plan, PipelineError> {
        check_selection(selection, std::slice::from_ref(self))?;
        self.plan_checked(selection, false)
    }

    /// Plans a selection that is known to mean something, here or in another branch: for a run that may ask
    /// the server, or for one that has to do with what is there.
    pub(super) fn plan_checked(
        &self,
        selection: &Selection,
        offline: bool,
    ) -> Result<Plan, PipelineError> {
        let chosen = selection.choose(self.graph(), self.spec().branch());
        let context = self.at_rest().offline(offline);
        engine::plan(&context, &context.previous(), self.graph(), &chosen)
    }

    /// Compares spec, lock file and store.
    pub fn status(&self) -> Result<(LockState, Vec<StageStatus>), PipelineError> {
        let context = self.at_rest();
        let previous = context.previous();
        let chosen = Selection::default().choose(self.graph(), self.spec().branch());
        let stages = engine::status(&context, &previous, self.graph(), &chosen)?;
        Ok((previous.lock.state().clone(), stages))
    }

    /// The artifact of a stage, by a checked name, as the spec stands now.
    pub(super) fn artifact(&self, stage: &str) -> Result<Vec<u8>, PipelineError> {
        // What is there is shown, though a run would make it again.
        let plan = self.plan_checked(&Selection::only(stage), true)?;
        let store = Store::beside(self.spec().base_dir());
        // A kind names several stages; one after the other is what `cat` would do.
        let mut bytes = Vec::new();
        for PlannedStage { id, status, digest, .. } in plan.stages {
            let Some(digest) = digest else {
                let reason = status.reason().cloned().unwrap_or(Reason::NeverRan);
                let why = "run the spec to make it";
                return Err(PipelineError::Missing { stage: id, reason, why });
            };
            let artifact = store.read(&digest)?;
            match id {
                // Parquet is nothing to look at.
                StageId::Sweep(point) => {
                    let unreadable = |error: parquet::errors::ParquetError| {
                        PipelineError::Artifact { stage: id.clone(), error: error.into() }
                    };
                    let level = from_parquet(artifact).map_err(unreadable)?;
                    let counts = level.around.repetitions.iter().zip(0..);
                    let mut repetitions =
                        counts.flat_map(|(count, repetition)| (0..*count).map(move |_| repetition));
                    for run in level.runs {
                        // Without repetitions all runs are of one.
                        let repetition = repetitions.next().unwrap_or(0);
                        let (concurrency, burst) = (point.axis(), None);
                        push_line(&mut bytes, &ForeignRun { concurrency, repetition, burst, run });
                    }
                }
                _ => bytes.extend(artifact),
            }
        }
        Ok(bytes)
    }
}
