//! Keys of programs on this machine: of servers that are started, and what all programs have in common.

use crate::language::{Address, Check, Checker, Seconds};
use crate::workflow::Variables;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A server to start before the sweep, and to stop after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServeSpec {
    /// Program and its arguments.
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
    /// Globs of files that the program is made of, besides those that `run` names: if their content
    /// changes, levels are measured again.
    #[serde(default)]
    pub files: Vec<String>,
    /// Address that answers with success once the server is ready; by default, the workflow's own
    /// address has to answer anything at all.
    #[serde(default)]
    pub ready: Option<Address>,
    /// Longest time until the server is ready.
    #[serde(default = "a_minute")]
    pub ready_timeout: Seconds,
    /// File for the output of the server.
    #[serde(default)]
    pub log: Option<PathBuf>,
}

/// Program of a workflow or a server: the keys that they have in common.
#[derive(Clone, Copy, Debug)]
pub struct ProgramSpec<'a> {
    /// Path of its keys in the spec.
    pub at: &'a str,
    /// Program and its arguments.
    pub run: &'a [String],
    /// True if the first of `run` is a shell script.
    pub shell: bool,
    /// Environment variables besides those of sizer itself.
    pub env: &'a Variables,
    /// Working directory.
    pub cwd: Option<&'a Path>,
    /// Globs of files that it is made of.
    pub files: &'a [String],
}

impl ServeSpec {
    /// Returns its program.
    pub fn program(&self) -> ProgramSpec<'_> {
        let Self { run, shell, env, cwd, files, .. } = self;
        ProgramSpec { at: "workflow.serve", run, shell: *shell, env, cwd: cwd.as_deref(), files }
    }

    /// Checks what types cannot express.
    pub(in crate::workflow) fn validate(&self, checker: &Checker<'_>) -> Check {
        self.program().validate(checker)?;
        checker.ensure(
            self.ready_timeout.get() > 0.0,
            "workflow.serve.ready_timeout",
            "no server is ready within 0 s",
            "60s is the default",
        )
    }
}

impl ProgramSpec<'_> {
    /// Checks what types cannot express.
    pub(in crate::workflow) fn validate(&self, checker: &Checker<'_>) -> Check {
        let Self { at, run, shell, .. } = self;
        let path = format!("{at}.run");
        let first = run.first().map_or("", |program| program.trim());
        checker.ensure(
            !first.is_empty(),
            &path,
            "no program is named",
            "write it with its arguments, such as [python, agent.py]",
        )?;
        checker.ensure(
            !(*shell && (first.contains("{{") || first.contains("{%"))),
            &format!("{path}.0"),
            "a script must not contain the item: the text of the item would be executed",
            "pass the item as an argument: [\"ask \\\"$1\\\"\", \"{{ item.input }}\"]",
        )
    }
}

fn a_minute() -> Seconds {
    const A_MINUTE: Seconds = Seconds::fixed(60.0);
    A_MINUTE
}
