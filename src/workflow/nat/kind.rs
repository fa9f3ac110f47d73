//! `nat` as a kind of workflow.

use super::{Nat, NatSpec};
use crate::language::{Address, Seconds, Secret, Vault};
use crate::workflow::access::of_access;
use crate::workflow::local::Served;
use crate::workflow::proxy::Proxy;
use crate::workflow::{
    ConnectError, ConnectionSpec, Kind, LlmSpec, ServeSpec, Workflow, WorkflowConfig,
};
use std::path::Path;
use std::sync::Arc;

impl Kind for NatSpec {
    const NAME: &'static str = "nat";
    const DESCRIPTION: &'static str = "A workflow served by NeMo Agent Toolkit.";
}

impl WorkflowConfig for NatSpec {
    fn address(&self) -> Option<(&'static str, &Address)> {
        Some(("base_url", &self.base_url))
    }

    fn connection(&self) -> Option<&ConnectionSpec> {
        Some(&self.connection)
    }

    fn llm(&self) -> Option<&LlmSpec> {
        self.llm.as_ref()
    }

    fn serve(&self) -> Option<&ServeSpec> {
        self.serve.as_ref()
    }

    fn own_secrets(&self) -> Vec<(String, &Secret)> {
        of_access("workflow", self.api_key.as_ref(), &self.headers)
    }

    fn timeout(&self) -> Seconds {
        self.timeout
    }

    fn client(
        &self,
        base_dir: &Path,
        vault: &Vault<'_>,
    ) -> Result<Arc<dyn Workflow>, ConnectError> {
        let proxy = Proxy::before(self.llm.as_ref(), self.timeout, base_dir, vault)?;
        let client = Arc::new(Nat::new(self, proxy.clone(), base_dir, vault)?);
        Served::around(self.serve.as_ref(), client, proxy.as_deref(), base_dir, vault)
    }
}
