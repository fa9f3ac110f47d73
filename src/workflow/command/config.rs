//! `type: command`.

use crate::language::Seconds;
use crate::workflow::defaults::default_timeout;
use crate::workflow::{LlmSpec, ProgramSpec, Variables};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Any program on this machine. By default each run is a process of its own, with the item as JSON
/// on its standard input; its exit status tells success from failure.
///
/// All of `run` and the values of `env` are minijinja templates over the item: `{{ item.id }}`,
/// `{{ item.input }}`, and `{{ item.NAME }}` for every other key of its entry in the dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandSpec {
    /// Program and its arguments, such as `[python, agent.py, "{{ item.input }}"]`.
    pub run: Vec<String>,
    /// Take the first of `run` as a script for `sh -c`, and the others as its `$1`, `$2`, …
    #[serde(default)]
    pub shell: bool,
    /// Environment variables besides those of sizer itself; secrets by reference.
    #[serde(default)]
    pub env: Variables,
    /// Working directory; the spec's folder by default.
    #[serde(default)]
    pub cwd: Option<PathBuf>,
    /// Keep worker processes for many runs: one line of JSON in and one out per run. As many as the
    /// concurrency are started and warmed up before a level, so that starting the program is not
    /// measured.
    #[serde(default)]
    pub persistent: bool,
    /// Globs of files that the program is made of, besides those that `run` names: if their content
    /// changes, levels are measured again.
    #[serde(default)]
    pub files: Vec<String>,
    /// LLM servers that it asks, to record the calls.
    #[serde(default)]
    pub llm: Option<LlmSpec>,
    /// Longest time that a run may take; then all its processes are killed.
    #[serde(default = "default_timeout")]
    pub timeout: Seconds,
}

impl CommandSpec {
    /// Returns its program.
    pub fn as_program(&self) -> ProgramSpec<'_> {
        let Self { run, shell, env, cwd, files, .. } = self;
        ProgramSpec { at: "workflow", run, shell: *shell, env, cwd: cwd.as_deref(), files }
    }
}
