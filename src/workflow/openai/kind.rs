//! `openai` as a kind of workflow.

use super::{Openai, OpenaiSpec};
use crate::language::{Check, Checker, Vault};
use crate::measure::Fields;
use crate::redact::names_a_secret;
use crate::workflow::local::ServedWorkflow;
use crate::workflow::server_keys::server_keys;
use crate::workflow::{ConnectError, Kind, LlmSpec, ServerKeys, Workflow, WorkflowConfig};
use std::path::Path;
use std::sync::Arc;

impl Kind for OpenaiSpec {
    const NAME: &'static str = "openai";
    const DESCRIPTION: &'static str = "An endpoint that speaks the chat completions protocol.";
}

impl WorkflowConfig for OpenaiSpec {
    fn validate(&self, checker: &Checker<'_>) -> Check {
        for key in ["model", "messages", "stream"] {
            checker.ensure(
                !self.extra_body.contains_key(key),
                &format!("workflow.extra_body.{key}"),
                "sizer itself sets this key",
                "use the workflow's own key of that name",
            )?;
        }
        for key in self.extra_body.keys().filter(|key| names_a_secret(key)) {
            checker.ensure(
                key.contains("tokens"),
                &format!("workflow.extra_body.{key}"),
                "this looks like a secret, and extra_body is stored in artifacts",
                "send it in a header, by reference",
            )?;
        }
        Ok(())
    }

    fn server(&self) -> Option<ServerKeys<'_>> {
        Some(server_keys!(self.base_url))
    }

    fn fields(&self) -> Fields {
        let keys = [&self.messages_key, &self.tools_key];
        Fields::Named(keys.into_iter().flatten().cloned().collect())
    }

    fn instead_of_question(&self) -> Option<&str> {
        self.messages_key.as_deref()
    }

    fn traced_servers(&self) -> Option<LlmSpec> {
        Some(LlmSpec {
            api_key: self.api_key.clone(),
            headers: self.headers.clone(),
            connection: self.connection.clone(),
            ..LlmSpec::of(self.base_url.clone())
        })
    }

    fn streams(&self) -> bool {
        self.stream
    }

    fn model(&self) -> Option<&str> {
        Some(&self.model)
    }

    fn client(
        &self,
        base_dir: &Path,
        vault: &Vault<'_>,
    ) -> Result<Arc<dyn Workflow>, ConnectError> {
        let client = Arc::new(Openai::new(self, base_dir, vault)?);
        ServedWorkflow::around(self.serve.as_ref(), client, None, base_dir, vault)
    }
}
