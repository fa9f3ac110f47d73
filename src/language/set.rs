//! `--set key=value`: one change to a spec from the command line.

use super::error::{Source, SpecError};
use super::tree::Node;
use std::sync::Arc;

/// Change to a spec: a dotted path and the YAML value to put there.
#[derive(Clone, Debug)]
pub struct Override {
    path: Vec<String>,
    value: Node,
}

impl Override {
    /// Parses a change such as `targets.users=500`. List positions count from 0:
    /// `concurrency.levels.0=2`.
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        let name = "--set";
        let Some((path, value)) = text.split_once('=') else {
            return Err(SpecError::in_file(
                name,
                format!("`{}` has no `=`", crate::redact::redact(text)),
            )
            .help("write it as --set targets.users=500"));
        };
        let path: Vec<String> = path.trim().split('.').map(str::to_owned).collect();
        if path.iter().any(String::is_empty) {
            return Err(SpecError::in_file(name, format!("`{}` has an empty key", path.join(".")))
                .help("write it as --set targets.users=500"));
        }
        // The value is read as YAML of its own, padded so that positions point into the argument.
        let pad = " ".repeat(text.chars().count() - value.chars().count());
        let padded = Arc::new(Source { name: name.into(), text: format!("{pad}{value}") });
        let shown = Arc::new(Source { name: name.into(), text: text.to_owned() });
        let mut value = Node::parse(&padded)?;
        value.move_to(&shown);
        Ok(Self { path, value })
    }

    /// Applies the change.
    pub(super) fn apply(&self, tree: &mut Node) -> Result<(), SpecError> {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        tree.set(&path, self.value.clone())
    }
}
