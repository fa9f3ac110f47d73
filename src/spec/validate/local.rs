//! Checks of programs on this machine, and of the LLM servers that they ask.

use super::checker::{Check, Checker};
use crate::spec::workflow::{CommandSpec, LlmSpec, ProgramSpec, ServeSpec};

impl Checker<'_> {
    pub(super) fn command(&self, command: &CommandSpec) -> Check {
        self.program(&command.program())
    }

    pub(super) fn serve(&self, serve: &ServeSpec) -> Check {
        self.program(&serve.program())?;
        self.ensure(
            serve.ready_timeout.get() > 0.0,
            "workflow.serve.ready_timeout",
            "no server is ready within 0 s",
            "60s is the default",
        )
    }

    fn program(&self, program: &ProgramSpec<'_>) -> Check {
        let ProgramSpec { at, run, shell, .. } = program;
        let path = format!("{at}.run");
        let first = run.first().map_or("", |program| program.trim());
        self.ensure(
            !first.is_empty(),
            &path,
            "no program is named",
            "write it with its arguments, such as [python, agent.py]",
        )?;
        self.ensure(
            !(*shell && (first.contains("{{") || first.contains("{%"))),
            &format!("{path}.0"),
            "a script must not be made of an item: whatever the item says would be run",
            "hand the item over as an argument: [\"ask \\\"$1\\\"\", \"{{ item.input }}\"]",
        )
    }

    pub(super) fn llm(&self, llm: &LlmSpec) -> Check {
        let servers = llm.servers();
        self.ensure(
            !servers.is_empty(),
            "workflow.llm",
            "no LLM server is named",
            "add `upstream: http://localhost:8000/v1`",
        )?;
        self.ensure(
            llm.upstream.is_some() || (llm.api_key.is_none() && llm.headers.is_empty()),
            "workflow.llm",
            "`api_key` and `headers` are those of `upstream`, and there is none",
            "give each of `upstreams` its own",
        )?;
        for (name, server) in &servers {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            self.ensure(
                (1..=31).contains(&name.len()) && name.chars().all(plain),
                &format!("workflow.llm.upstreams.{name}"),
                "a server's name has at most 31 letters, digits, `-` and `_`",
                "it is a part of the proxy's address",
            )?;
            let variable = |name: &String| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            };
            self.ensure(
                server.env.iter().all(variable),
                "workflow.llm",
                "this is no name of an environment variable",
                "such as OPENAI_BASE_URL",
            )?;
        }
        Ok(())
    }
}
