//! Access to the store: single artifacts, past runs, garbage collection.

use super::stages::push_line;
use super::{Pipeline, PipelineError, PlannedStage, Reason, Selection, StageId};
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

    /// Removes artifacts that nothing refers to, or finds them.
    pub fn collect_garbage(
        &self,
        rules: GcRules,
        now: SystemTime,
        dry_run: bool,
    ) -> Result<Garbage, PipelineError> {
        let store = Store::beside(self.spec.base_dir());
        // Looking needs no right to write, and disturbs nobody.
        let _owner = if dry_run { None } else { Some(store.own()?) };
        let garbage = store.garbage(self.spec.base_dir(), rules, now)?;
        if !dry_run {
            store.remove(&garbage)?;
        }
        Ok(garbage)
    }
}
