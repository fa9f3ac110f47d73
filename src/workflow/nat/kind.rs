//! `nat` as a kind of workflow.

use super::client::Nat;
use super::config::NatSpec;
use super::hosted::Hosted;
use super::toolkit::Toolkit;
use crate::language::{Check, Checker, Seconds, Secret, Vault};
use crate::workflow::access::{of_access, of_env};
use crate::workflow::config::THIS_MACHINE;
use crate::workflow::local::ServedWorkflow;
use crate::workflow::proxy::Proxy;
use crate::workflow::{
    ConnectError, ConnectionSpec, Kind, LlmSpec, ProgramSpec, ServeSpec, ServerKeys, Workflow,
    WorkflowConfig,
};
use std::path::Path;
use std::sync::Arc;

impl Kind for NatSpec {
    const NAME: &'static str = "nat";
    const DESCRIPTION: &'static str = "A workflow of NeMo Agent Toolkit.";
}

impl WorkflowConfig for NatSpec {
    fn validate(&self, checker: &Checker<'_>) -> Check {
        let either = "name the address of a server (base_url), or the configuration whose workflow is run here (config)";
        checker.ensure(
            self.base_url.is_some() || self.config.is_some(),
            "workflow",
            "there is nothing to measure",
            either,
        )?;
        checker.ensure(
            self.base_url.is_none() || self.config.is_none(),
            "workflow.config",
            "a workflow is either served or run here",
            either,
        )?;
        let of_hosts = [
            ("python", self.python.is_some()),
            ("hosts", self.hosts.is_some()),
            ("cwd", self.cwd.is_some()),
            ("env", !self.env.is_empty()),
            ("files", !self.files.is_empty()),
            ("ready_timeout", self.ready_timeout.is_some()),
        ];
        let of_servers = [
            ("api_key", self.api_key.is_some()),
            ("headers", !self.headers.is_empty()),
            ("llm", self.llm.is_some()),
            ("serve", self.serve.is_some()),
        ];
        let (unused, message, help) = if self.config.is_some() {
            let message = "sizer starts the hosts of a configuration itself, and reads the LLM calls from their steps";
            (&of_servers[..], message, "leave it out, or name a server with base_url")
        } else {
            let message = "sizer starts no hosts for a server given by base_url";
            (&of_hosts[..], message, "leave it out, or name a configuration with config")
        };
        for (key, _) in unused.iter().filter(|(_, given)| *given) {
            checker.ensure(false, &format!("workflow.{key}"), message, help)?;
        }
        let waits = self.ready_timeout.is_none_or(|timeout| timeout.get() > 0.0);
        checker.ensure(
            waits,
            "workflow.ready_timeout",
            "no host is ready within 0 s",
            "300s is the default",
        )
    }

    fn server(&self) -> Option<ServerKeys<'_>> {
        let base_url = self.base_url.as_ref()?;
        Some(ServerKeys {
            address: ("base_url", base_url),
            connection: &self.connection,
            api_key: self.api_key.as_ref(),
            headers: &self.headers,
            timeout: self.timeout,
            serve: self.serve.as_ref(),
        })
    }

    fn connection(&self) -> Option<&ConnectionSpec> {
        Some(&self.connection)
    }

    fn llm(&self) -> Option<&LlmSpec> {
        self.llm.as_ref()
    }

    fn program(&self) -> Option<ProgramSpec<'_>> {
        match self.config {
            Some(_) => Some(self.as_program()),
            None => self.serve.as_ref().map(ServeSpec::program),
        }
    }

    fn configuration(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    fn runs_in(&self, base_dir: &Path) -> Option<String> {
        self.config.as_ref()?;
        Toolkit::find(self.named_python(base_dir).as_deref()).ok().map(|toolkit| toolkit.version)
    }

    fn beside(&self) -> &[&'static str] {
        match self.config {
            Some(_) => &["config", "python", "cwd", "ready_timeout"],
            None => &[],
        }
    }

    fn own_secrets(&self) -> Vec<(String, &Secret)> {
        let mut secrets = of_access("workflow", self.api_key.as_ref(), &self.headers);
        secrets.extend(of_env("workflow", &self.env));
        secrets
    }

    fn timeout(&self) -> Seconds {
        self.timeout
    }

    fn resources(&self) -> Vec<&'static str> {
        let here = self.config.is_some() || self.serve.is_some();
        here.then_some(THIS_MACHINE).into_iter().collect()
    }

    fn own_server(&self) -> Option<&'static str> {
        match self.config {
            Some(_) => Some("`config` is run by host processes"),
            None => self.serve.as_ref().map(|_| "`serve` starts a server"),
        }
    }

    fn client(
        &self,
        base_dir: &Path,
        vault: &Vault<'_>,
    ) -> Result<Arc<dyn Workflow>, ConnectError> {
        if let Some(config) = &self.config {
            return Ok(Arc::new(Hosted::new(self, config, base_dir, vault)?));
        }
        let Some(base_url) = &self.base_url else {
            return Err(ConnectError::Client("there is no base_url".to_owned()));
        };
        let proxy = Proxy::before(self.llm.as_ref(), self.timeout, base_dir, vault)?;
        let client = Arc::new(Nat::new(self, base_url, proxy.clone(), base_dir, vault)?);
        ServedWorkflow::around(self.serve.as_ref(), client, proxy.as_deref(), base_dir, vault)
    }
}
