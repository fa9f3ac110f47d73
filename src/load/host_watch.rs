//! Load of the processes that run the workflow on this machine.

use crate::measure::{CpuTime, HostHealth};
use crate::workflow::RedactedWorkflow;
use std::sync::Arc;
use std::time::Instant;

/// Watches the processes of a workflow while a level runs.
pub(super) struct HostWatch {
    workflow: Arc<RedactedWorkflow>,
    began: Instant,
    before: Option<Vec<CpuTime>>,
}

impl HostWatch {
    pub fn start(workflow: &Arc<RedactedWorkflow>) -> Self {
        let before = workflow.host_times();
        Self { workflow: Arc::clone(workflow), began: Instant::now(), before }
    }

    /// Returns their load; `None` if the workflow has none.
    pub fn stop(self) -> Option<HostHealth> {
        let seconds = self.began.elapsed().as_secs_f64();
        HostHealth::between(&self.before?, &self.workflow.host_times()?, seconds)
    }
}
