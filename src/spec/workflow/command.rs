//! `type: command`.

use super::LlmSpec;
use super::access::Variables;
use super::defaults::default_timeout;
use crate::spec::Seconds;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Any program on this machine. By default each run is a process of its own, with the item as JSON on
/// its standard input; its exit status says how the run went.
///
/// All of `run` and the values of `env` are minijinja templates over the item: `{{ item.id }}`,
/// `{{ item.input }}`, and `{{ item.NAME }}` for every other key of its entry in the dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandSpec {
    /// The program and its arguments, such as `[python, agent.py, "{{ item.input }}"]`.
    pub run: Vec<String>,
    /// Whether the first of `run` is a script for `sh -c`, and the others its `$1`, `$2`, …
    #[serde(default)]
    pub shell: bool,
    /// Environment variables besides those of sizer itself; secrets by reference.
    #[serde(default)]
    pub env: Variables,
    /// The folder to run in; by default that of the spec.
    #[serde(default)]
    pub cwd: Option<PathBuf>,
    /// Whether worker processes stay for many runs: one line of JSON in and one out per run. As many
    /// as the concurrency are started and warmed before a level, so that starting the program is
    /// not measured.
    #[serde(default)]
    pub persistent: bool,
    /// Globs of files that the program is made of, besides those that `run` names: where their
    /// content changes, levels are measured again.
    #[serde(default)]
    pub files: Vec<String>,
    /// The LLM servers that it asks, to record the calls.
    #[serde(default)]
    pub llm: Option<LlmSpec>,
    /// Longest time that a run may take; then all processes of the run are ended.
    #[serde(default = "default_timeout")]
    pub timeout: Seconds,
}

/// A server to start before the sweep, and to stop after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServeSpec {
    /// The program and its arguments.
    pub run: Vec<String>,
    /// Whether the first of `run` is a script for `sh -c`, and the others its `$1`, `$2`, …
    #[serde(default)]
    pub shell: bool,
    /// Environment variables besides those of sizer itself; secrets by reference.
    #[serde(default)]
    pub env: Variables,
    /// The folder to run in; by default that of the spec.
    #[serde(default)]
    pub cwd: Option<PathBuf>,
    /// Globs of files that the program is made of, besides those that `run` names: where their
    /// content changes, levels are measured again.
    #[serde(default)]
    pub files: Vec<String>,
    /// An address that answers with success once the server is ready; without it, the workflow's own
    /// address has to answer anything at all.
    #[serde(default)]
    pub ready: Option<crate::spec::Address>,
    /// Longest time until it is.
    #[serde(default = "a_minute")]
    pub ready_timeout: Seconds,
    /// Where to write what the server prints.
    #[serde(default)]
    pub log: Option<PathBuf>,
}

/// What workflows and servers say alike of their programs.
#[derive(Clone, Copy, Debug)]
pub struct ProgramSpec<'a> {
    /// Where it stands in the spec.
    pub at: &'a str,
    /// The program and its arguments.
    pub run: &'a [String],
    /// Whether the first of `run` is a script.
    pub shell: bool,
    /// Environment variables besides those of sizer itself.
    pub env: &'a Variables,
    /// The folder to run in.
    pub cwd: Option<&'a Path>,
    /// Globs of files that it is made of.
    pub files: &'a [String],
}

impl CommandSpec {
    /// Its program.
    pub fn program(&self) -> ProgramSpec<'_> {
        let Self { run, shell, env, cwd, files, .. } = self;
        ProgramSpec { at: "workflow", run, shell: *shell, env, cwd: cwd.as_deref(), files }
    }
}

impl ServeSpec {
    /// Its program.
    pub fn program(&self) -> ProgramSpec<'_> {
        let Self { run, shell, env, cwd, files, .. } = self;
        ProgramSpec { at: "workflow.serve", run, shell: *shell, env, cwd: cwd.as_deref(), files }
    }
}

fn a_minute() -> Seconds {
    const A_MINUTE: Seconds = Seconds::fixed(60.0);
    A_MINUTE
}
