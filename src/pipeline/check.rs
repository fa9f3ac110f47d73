//! Checking a spec and everything that it names, without asking a server.

use super::context::Context;
use super::stages::check_templates;
use super::{Pipeline, PipelineError};
use crate::dataset;
use crate::spec::process_env;

/// What a valid spec amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Items of the dataset.
    pub items: usize,
    /// Rows of the dataset that have no question.
    pub dropped: usize,
    /// Levels of the sweep.
    pub levels: usize,
}

impl Pipeline {
    /// Checks the files that the spec names and the variables that it refers to.
    pub fn check(&self) -> Result<Checked, PipelineError> {
        let spec = &self.spec;
        let context = Context::at_rest(spec);
        spec.check_secrets(&process_env)?;
        let (content, _) = context.dataset()?;
        let rows = dataset::parse(&spec.dataset, &spec.resolve(&spec.dataset.path), content)?;
        check_templates(&context)?;
        let items = rows.iter().filter(|row| row.item().is_some()).count();
        let levels = spec.concurrency.levels.values().len();
        Ok(Checked { items, dropped: rows.len() - items, levels })
    }
}
