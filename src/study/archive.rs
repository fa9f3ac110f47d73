//! The store beside a spec: past runs and garbage collection.

use super::execute::own;
use super::{PipelineError, RunOptions};
use crate::spec::{Checked, Spec, SpecSet};
use crate::store::{Garbage, GcRules, RunRecord, Store};
use std::time::SystemTime;

/// The store beside a spec, with the specs of all branches. What is in it can be told and cleared without the files
/// that the spec names.
pub struct Archive {
    specs: Vec<Checked<Spec>>,
}

impl Archive {
    /// The archive of a spec.
    pub fn of(specs: impl Into<SpecSet>) -> Self {
        Self { specs: specs.into().into_specs() }
    }

    /// The specs of all branches; never empty.
    pub fn specs(&self) -> &[Checked<Spec>] {
        &self.specs
    }

    fn first(&self) -> Result<&Spec, PipelineError> {
        self.specs.first().map(|spec| &**spec).ok_or(PipelineError::NoBranch)
    }

    /// Past runs of all branches, oldest first.
    pub fn history(&self) -> Result<Vec<RunRecord>, PipelineError> {
        let mut records = Vec::new();
        for spec in &self.specs {
            let all = Store::beside(spec.base_dir()).records()?.into_iter();
            records.extend(all.filter(|record| record.spec == spec.key_name()));
        }
        records.sort_by(|a, b| a.started.total_cmp(&b.started));
        Ok(records)
    }

    /// Finds artifacts that nothing refers to.
    pub fn garbage(&self, rules: GcRules, now: SystemTime) -> Result<Garbage, PipelineError> {
        let dir = self.first()?.base_dir();
        Ok(Store::beside(dir).garbage(dir, rules, now)?)
    }

    /// Removes artifacts that nothing refers to.
    pub async fn collect_garbage(
        &self,
        rules: GcRules,
        now: SystemTime,
        options: &RunOptions,
    ) -> Result<Garbage, PipelineError> {
        let spec = self.first()?;
        let _owner = own(spec, options).await?;
        let garbage = self.garbage(rules, now)?;
        Store::beside(spec.base_dir()).remove(&garbage)?;
        Ok(garbage)
    }
}
