//! `type: nat`.

use super::host_count::HostCount;
use crate::language::{Address, Seconds, Secret};
use crate::workflow::defaults::default_timeout;
use crate::workflow::{ConnectionSpec, Headers, LlmSpec, ProgramSpec, ServeSpec, Variables};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A workflow of NeMo Agent Toolkit; its LLM calls are read from the intermediate steps that it
/// streams. It is served (`base_url`), or its configuration is run here (`config`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NatSpec {
    /// Address of the server (`nat serve`), such as `http://localhost:8000`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<Address>,
    /// Configuration whose workflow is run on this machine, in host processes that are started
    /// before the sweep and stopped after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<PathBuf>,
    /// Python that has the toolkit; by default that of `NAT_PYTHON`, of the virtual environment in
    /// use, or beside `nat` on the `PATH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Number of host processes that share the runs; 1 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts: Option<HostCount>,
    /// Working directory of the hosts; the spec's folder by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<PathBuf>,
    /// Environment variables of the hosts besides those of sizer itself; secrets by reference.
    #[serde(default, skip_serializing_if = "Variables::is_empty")]
    pub env: Variables,
    /// Globs of files that the workflow is made of, besides its configuration: if their content
    /// changes, levels are measured again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Longest time until a host is ready; 300 s by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_timeout: Option<Seconds>,
    /// Bearer token, by reference: `${env:API_KEY}`.
    #[serde(default)]
    pub api_key: Option<Secret>,
    /// Longest time that a run may take.
    #[serde(default = "default_timeout")]
    pub timeout: Seconds,
    /// Additional request headers.
    #[serde(default)]
    pub headers: Headers,
    /// Connection to the server.
    #[serde(default)]
    pub connection: ConnectionSpec,
    /// LLM servers behind it, to record its calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub llm: Option<LlmSpec>,
    /// Server to start before the sweep, and to stop after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serve: Option<ServeSpec>,
}

impl Default for NatSpec {
    fn default() -> Self {
        Self {
            base_url: None,
            config: None,
            python: None,
            hosts: None,
            cwd: None,
            env: Variables::new(),
            files: Vec::new(),
            ready_timeout: None,
            api_key: None,
            timeout: default_timeout(),
            headers: Headers::new(),
            connection: ConnectionSpec::default(),
            llm: None,
            serve: None,
        }
    }
}

impl NatSpec {
    /// Returns what its hosts have in common with other programs; the Python that runs them is found later.
    pub(super) fn as_program(&self) -> ProgramSpec<'_> {
        let Self { env, cwd, files, .. } = self;
        ProgramSpec { at: "workflow", run: &[], shell: false, env, cwd: cwd.as_deref(), files }
    }

    /// Returns the Python that it names, as seen from anywhere.
    pub(super) fn named_python(&self, base_dir: &Path) -> Option<PathBuf> {
        let named = self.python.as_ref()?;
        // A mere name is looked up on the PATH.
        let is_path = named.contains('/');
        Some(if is_path { base_dir.join(named) } else { PathBuf::from(named) })
    }
}
