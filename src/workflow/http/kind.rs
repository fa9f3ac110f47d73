//! `http` as a kind of workflow.

use super::{Http, HttpSpec};
use crate::language::{Check, Checker, Vault};
use crate::measure::Fields;
use crate::workflow::local::ServedWorkflow;
use crate::workflow::proxy::Proxy;
use crate::workflow::server_keys::server_keys;
use crate::workflow::{ConnectError, Kind, LlmSpec, ServerKeys, Workflow, WorkflowConfig};
use std::path::Path;
use std::sync::Arc;

impl Kind for HttpSpec {
    const NAME: &'static str = "http";
    const DESCRIPTION: &'static str = "Any service that answers HTTP requests.";
}

impl WorkflowConfig for HttpSpec {
    fn validate(&self, checker: &Checker<'_>) -> Check {
        checker.fixed_host("workflow.url", self.url.public())?;
        checker.ensure(
            self.success.equals.is_none() || self.success.pointer.is_some(),
            "workflow.success.equals",
            "it does not say where in the answer",
            "add `pointer: /path/to/it`",
        )?;
        checker.ensure(
            self.success.status.iter().all(|status| (100..600).contains(status)),
            "workflow.success.status",
            "a status lies between 100 and 599",
            "leave it out for 200 to 299",
        )
    }

    fn server(&self) -> Option<ServerKeys<'_>> {
        Some(server_keys!(self.url))
    }

    fn llm(&self) -> Option<&LlmSpec> {
        self.llm.as_ref()
    }

    fn streams(&self) -> bool {
        self.stream || self.llm.is_some()
    }

    fn fields(&self) -> Fields {
        Fields::All
    }

    fn check_client(&self, base_dir: &Path, vault: &Vault<'_>) -> Result<(), ConnectError> {
        Http::new(self, None, base_dir, vault).map(drop)
    }

    fn client(
        &self,
        base_dir: &Path,
        vault: &Vault<'_>,
    ) -> Result<Arc<dyn Workflow>, ConnectError> {
        let proxy = Proxy::before(self.llm.as_ref(), self.timeout, base_dir, vault)?;
        let client = Arc::new(Http::new(self, proxy.clone(), base_dir, vault)?);
        ServedWorkflow::around(self.serve.as_ref(), client, proxy.as_deref(), base_dir, vault)
    }
}
