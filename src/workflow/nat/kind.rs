//! `nat` as a kind of workflow.

use super::{Nat, NatSpec};
use crate::language::Vault;
use crate::workflow::local::ServedWorkflow;
use crate::workflow::proxy::Proxy;
use crate::workflow::server_keys::server_keys;
use crate::workflow::{ConnectError, Kind, LlmSpec, ServerKeys, Workflow, WorkflowConfig};
use std::path::Path;
use std::sync::Arc;

impl Kind for NatSpec {
    const NAME: &'static str = "nat";
    const DESCRIPTION: &'static str = "A workflow served by NeMo Agent Toolkit.";
}

impl WorkflowConfig for NatSpec {
    fn server(&self) -> Option<ServerKeys<'_>> {
        Some(server_keys!(self.base_url))
    }

    fn llm(&self) -> Option<&LlmSpec> {
        self.llm.as_ref()
    }

    fn client(
        &self,
        base_dir: &Path,
        vault: &Vault<'_>,
    ) -> Result<Arc<dyn Workflow>, ConnectError> {
        let proxy = Proxy::before(self.llm.as_ref(), self.timeout, base_dir, vault)?;
        let client = Arc::new(Nat::new(self, proxy.clone(), base_dir, vault)?);
        ServedWorkflow::around(self.serve.as_ref(), client, proxy.as_deref(), base_dir, vault)
    }
}
