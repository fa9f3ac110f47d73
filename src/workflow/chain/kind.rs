//! `chain` as a kind of workflow.

use super::checks;
use super::config::secrets;
use super::{Chain, ChainSpec};
use crate::language::{Check, Checker, Seconds, Secret, Vault};
use crate::measure::Fields;
use crate::workflow::{ConnectError, Kind, LlmSpec, Workflow, WorkflowConfig};
use std::path::Path;
use std::sync::Arc;

impl Kind for ChainSpec {
    const NAME: &'static str = "chain";
    const DESCRIPTION: &'static str = "LLM servers, under the load of an agent's calls and pauses.";
}

impl WorkflowConfig for ChainSpec {
    fn validate(&self, checker: &Checker<'_>) -> Check {
        checks::check(self, checker)
    }

    fn llm(&self) -> Option<&LlmSpec> {
        Some(&self.llm)
    }

    fn own_secrets(&self) -> Vec<(String, &Secret)> {
        secrets(&self.steps, "workflow.steps")
    }

    fn timeout(&self) -> Seconds {
        self.timeout
    }

    fn needs_dataset(&self) -> bool {
        false
    }

    fn use_of_item(&self) -> Option<String> {
        checks::use_of_item(self)
    }

    fn fields(&self) -> Fields {
        Fields::All
    }

    fn check_client(&self, base_dir: &Path, vault: &Vault<'_>) -> Result<(), ConnectError> {
        Chain::new(self, base_dir, vault).map(drop)
    }

    fn client(
        &self,
        base_dir: &Path,
        vault: &Vault<'_>,
    ) -> Result<Arc<dyn Workflow>, ConnectError> {
        Ok(Arc::new(Chain::new(self, base_dir, vault)?))
    }
}
