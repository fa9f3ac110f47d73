//! `recorded` as a kind of workflow.

use super::RecordedSpec;
use crate::language::Vault;
use crate::workflow::{ConnectError, Kind, Workflow, WorkflowConfig};
use std::path::Path;
use std::sync::Arc;

impl Kind for RecordedSpec {
    const NAME: &'static str = "recorded";
    const DESCRIPTION: &'static str = "Measurements of another load generator.";
}

impl WorkflowConfig for RecordedSpec {
    fn needs_dataset(&self) -> bool {
        false
    }

    fn recorded(&self) -> Option<&RecordedSpec> {
        Some(self)
    }

    fn client(&self, _: &Path, _: &Vault<'_>) -> Result<Arc<dyn Workflow>, ConnectError> {
        Err(ConnectError::Client("what was recorded cannot be run again".to_owned()))
    }
}
