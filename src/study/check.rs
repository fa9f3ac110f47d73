//! Checking a spec and everything that it names, without asking a server.

use super::outputs::check_outputs;
use super::services::not_ready;
use super::stages::{check_templates, counts};
use super::{Pipeline, PipelineError};
use crate::dataset::Counts;
use crate::spec::process_env;

/// The summary of a valid spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckSummary {
    /// Rows of the dataset.
    pub counts: Counts,
    /// True if the dataset is remote and was never downloaded; its rows are not counted then.
    pub remote: bool,
    /// Levels of the sweep; `None` if they are adaptive.
    pub levels: Option<usize>,
}

impl Pipeline {
    /// Checks the files that the spec names and the variables that it refers to.
    pub(crate) fn check(&self) -> Result<CheckSummary, PipelineError> {
        let (spec, context) = (self.spec(), self.at_rest());
        spec.check_secrets(&process_env)?;
        check_outputs(spec)?;
        // Checking asks no server: of a remote dataset there is maybe no copy yet.
        let remote = context.files.dataset()?.digest.is_none();
        let counts = if remote { Counts::default() } else { counts(&context.files)? };
        check_templates(spec)?;
        spec.workflow.check_offline(spec.base_dir()).map_err(|error| not_ready(spec, error))?;
        context.files.program_files()?;
        let adaptive = spec.concurrency.levels.adaptive().is_some();
        let levels = (!adaptive).then(|| self.levels().len());
        Ok(CheckSummary { counts, remote, levels })
    }
}
