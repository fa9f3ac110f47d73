//! Program as named in a spec, prepared to be started for an item.

use super::config::ProgramSpec;
use super::guard::watch_mark;
use super::strays::{MARK, kill_strays};
use crate::language::Vault;
use crate::measure::{Failure, FailureKind, Item};
use crate::redact::{Redactor, names_a_secret_variable};
use crate::workflow::ConnectError;
use crate::workflow::template::Template;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Once;
use tokio::process::Command;
use uuid::Uuid;

/// Program with its arguments and environment variables.
pub(in crate::workflow) struct Program {
    arguments: Vec<Template>,
    variables: Vec<(String, Variable)>,
    cwd: PathBuf,
    redactor: Redactor,
    mark: String,
    /// Makes sure that the guard is told of the mark once.
    watched: Once,
}

enum Variable {
    Fixed(String),
    OfItem(Template),
}

impl Program {
    /// Prepares a program; relative paths are relative to `base_dir`.
    pub fn new(
        spec: &ProgramSpec<'_>,
        base_dir: &Path,
        vault: &Vault<'_>,
    ) -> Result<Self, ConnectError> {
        let ProgramSpec { at, run, shell, env: variables, cwd, .. } = spec;
        let templates = run.iter().enumerate();
        let templates =
            templates.map(|(index, text)| Template::new(&format!("{at}.run.{index}"), text));
        let mut arguments = templates.collect::<Result<Vec<_>, _>>()?;
        if *shell && !arguments.is_empty() {
            let plain = |text| Template::new(at, text);
            let script = arguments.remove(0);
            let words = [plain("sh")?, plain("-c")?, script, plain("sh")?];
            arguments = words.into_iter().chain(arguments).collect();
        }
        let redactor = vault.redactor().clone();
        redactor.add_environment();
        let mut known = Vec::new();
        for (name, value) in *variables {
            let revealed = value.reveal(vault)?;
            if value.is_reference() && names_a_secret_variable(name) {
                redactor.add(&revealed);
            }
            // The value of a reference is never a template.
            let variable = if value.public().contains("{{") && !value.is_reference() {
                Variable::OfItem(Template::new(&format!("{at}.env.{name}"), &revealed)?)
            } else {
                Variable::Fixed(revealed)
            };
            known.push((name.clone(), variable));
        }
        let cwd = cwd.map_or_else(|| base_dir.to_path_buf(), |cwd| base_dir.join(cwd));
        Ok(Self {
            arguments,
            variables: known,
            cwd,
            redactor,
            mark: Uuid::new_v4().simple().to_string(),
            watched: Once::new(),
        })
    }

    /// Redactor that knows the secrets the program is given.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Returns true if the program is the same for all items.
    pub fn is_fixed(&self) -> bool {
        self.arguments.iter().all(Template::is_fixed)
            && self.variables.iter().all(|(_, it)| matches!(it, Variable::Fixed(_)))
    }

    /// Kills whatever the program left behind.
    pub fn kill_strays(&self) {
        kill_strays(&self.mark);
    }

    /// Builds the command for an item, with further environment variables. All three streams are pipes.
    pub fn command(&self, item: &Item, more: &[(String, String)]) -> Result<Command, Failure> {
        self.command_with(item, &Map::new(), more)
    }

    /// Builds the command for an item, with further environment variables and template variables.
    pub fn command_with(
        &self,
        item: &Item,
        values: &Map<String, Value>,
        more: &[(String, String)],
    ) -> Result<Command, Failure> {
        let render = |template: &Template| {
            if template.is_fixed() {
                template.render(item)
            } else {
                template.render_with(item, values.clone())
            }
        };
        let mut arguments = self.arguments.iter().map(render);
        let program = arguments.next().transpose()?;
        let missing = || Failure::new(FailureKind::Spawn, "no program is named");
        let mut command = Command::new(program.ok_or_else(missing)?);
        for argument in arguments {
            command.arg(argument?);
        }
        self.watched.call_once(|| watch_mark(&self.mark));
        command.current_dir(&self.cwd).env(MARK, &self.mark);
        for (name, value) in more {
            command.env(name, value);
        }
        for (name, variable) in &self.variables {
            match variable {
                Variable::Fixed(value) => command.env(name, value),
                Variable::OfItem(template) => command.env(name, render(template)?),
            };
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }
}
