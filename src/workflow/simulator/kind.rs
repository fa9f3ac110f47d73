//! `simulator` as a kind of workflow.

use super::checks;
use super::{SimulatedWorkflow, SimulatorSpec};
use crate::language::{Check, Checker, Seconds, Vault};
use crate::workflow::config::THIS_PROCESS;
use crate::workflow::{ConnectError, ConnectionSpec, Kind, Workflow, WorkflowConfig};
use std::path::Path;
use std::sync::Arc;

impl Kind for SimulatorSpec {
    const NAME: &'static str = "simulator";
    const DESCRIPTION: &'static str = "An embedded LLM server.";
}

impl WorkflowConfig for SimulatorSpec {
    fn validate(&self, checker: &Checker<'_>) -> Check {
        checks::check(self, checker)
    }

    fn connection(&self) -> Option<&ConnectionSpec> {
        Some(&self.connection)
    }

    fn streams(&self) -> bool {
        self.stream
    }

    fn timeout(&self) -> Seconds {
        self.timeout
    }

    fn resources(&self) -> Vec<&'static str> {
        vec![THIS_PROCESS]
    }

    fn files_per_run(&self) -> u64 {
        // Both ends are in this process.
        2
    }

    fn own_server(&self) -> Option<&'static str> {
        Some("the simulator is embedded")
    }

    fn client(&self, _: &Path, _: &Vault<'_>) -> Result<Arc<dyn Workflow>, ConnectError> {
        Ok(Arc::new(SimulatedWorkflow::start(self)?))
    }
}
