//! `command` as a kind of workflow.

use super::{Command, CommandSpec};
use crate::language::{Check, Checker, Seconds, Secret, Vault};
use crate::measure::Fields;
use crate::workflow::access::of_env;
use crate::workflow::config::THIS_MACHINE;
use crate::workflow::{ConnectError, Kind, LlmSpec, ProgramSpec, Workflow, WorkflowConfig};
use std::path::Path;
use std::sync::Arc;

impl Kind for CommandSpec {
    const NAME: &'static str = "command";
    const DESCRIPTION: &'static str = "Any program on this machine.";
}

impl WorkflowConfig for CommandSpec {
    fn validate(&self, checker: &Checker<'_>) -> Check {
        self.as_program().validate(checker)
    }

    fn llm(&self) -> Option<&LlmSpec> {
        self.llm.as_ref()
    }

    fn program(&self) -> Option<ProgramSpec<'_>> {
        Some(self.as_program())
    }

    fn own_secrets(&self) -> Vec<(String, &Secret)> {
        of_env("workflow", &self.env)
    }

    fn timeout(&self) -> Seconds {
        self.timeout
    }

    fn fields(&self) -> Fields {
        Fields::All
    }

    fn resources(&self) -> Vec<&'static str> {
        vec![THIS_MACHINE]
    }

    fn files_per_run(&self) -> u64 {
        // Three pipes and a handle of the process, and both ends of a call or two.
        8
    }

    fn keeps_processes(&self) -> Option<bool> {
        Some(self.persistent)
    }

    fn check_client(&self, base_dir: &Path, vault: &Vault<'_>) -> Result<(), ConnectError> {
        Command::check_spec(self, base_dir, vault)
    }

    fn client(
        &self,
        base_dir: &Path,
        vault: &Vault<'_>,
    ) -> Result<Arc<dyn Workflow>, ConnectError> {
        Ok(Arc::new(Command::new(self, base_dir, vault)?))
    }
}
