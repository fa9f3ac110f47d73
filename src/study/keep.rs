//! Access to the store: single artifacts, past runs, garbage collection.

use super::execute::own;
use super::stages::push_line;
use super::{Pipeline, PipelineError, PlannedStage, Reason, RunOptions, Selection, StageId};
use crate::load::{ForeignRun, from_parquet};
use crate::store::{Garbage, GcRules, RunRecord, Store};
use std::time::SystemTime;

impl Pipeline {
    /// The artifact of a stage, by a checked name, as the spec stands now.
    pub(super) fn artifact(&self, stage: &str) -> Result<Vec<u8>, PipelineError> {
        // What is there is shown, though a run would make it again.
        let plan = self.plan_checked(&Selection::only(stage), true)?;
        let store = Store::beside(self.spec.base_dir());
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
                StageId::Sweep(concurrency) => {
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
                        let burst = None;
                        push_line(&mut bytes, &ForeignRun { concurrency, repetition, burst, run });
                    }
                }
                _ => bytes.extend(artifact),
            }
        }
        Ok(bytes)
    }

    /// Past runs of this spec, oldest first.
    pub fn history(&self) -> Result<Vec<RunRecord>, PipelineError> {
        let name = self.spec.key_name();
        let records = Store::beside(self.spec.base_dir()).records()?;
        Ok(records.into_iter().filter(|record| record.spec == name).collect())
    }

    /// Finds artifacts that nothing refers to.
    pub fn garbage(&self, rules: GcRules, now: SystemTime) -> Result<Garbage, PipelineError> {
        let dir = self.spec.base_dir();
        Ok(Store::beside(dir).garbage(dir, rules, now)?)
    }

    /// Removes artifacts that nothing refers to.
    pub async fn collect_garbage(
        &self,
        rules: GcRules,
        now: SystemTime,
        options: &RunOptions,
    ) -> Result<Garbage, PipelineError> {
        let _owner = own(&self.spec, options).await?;
        let garbage = self.garbage(rules, now)?;
        Store::beside(self.spec.base_dir()).remove(&garbage)?;
        Ok(garbage)
    }
}
