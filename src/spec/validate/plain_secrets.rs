//! Secrets in plain text anywhere in a workflow: what a spec says is stored, shown and kept in git.

use super::SpecChecker;
use crate::language::{Check, Node, Value};
use crate::redact::is_plain_secret;

/// Keys with texts for a model, which may be about anything.
const PROMPTS: [&str; 5] = ["system", "prompt", "messages", "content", "question"];
const MESSAGE: &str = "this is a secret in plain text, and what a spec says is stored";
const HELP: &str = "put it into an environment variable and write ${env:NAME} where a secret is allowed, such as in \
                    `api_key`, `headers` or `env`";

impl SpecChecker<'_> {
    /// Fails at the first secret in plain text.
    pub(super) fn plain_secrets(&self, tree: &Node) -> Check {
        for section in ["workflow", "test"] {
            if let Some(node) = tree.child(section) {
                self.without_secrets(section, section, node)?;
            }
        }
        Ok(())
    }

    fn without_secrets(&self, path: &str, key: &str, node: &Node) -> Check {
        if PROMPTS.contains(&key) {
            return Ok(());
        }
        match &node.value {
            Value::Map(entries) => entries.iter().try_for_each(|entry| {
                self.without_secrets(&format!("{path}.{}", entry.key), &entry.key, &entry.node)
            }),
            Value::Seq(nodes) => {
                if key == "run" {
                    self.arguments(path, nodes)?;
                }
                let mut nodes = nodes.iter().enumerate();
                nodes.try_for_each(|(index, node)| {
                    self.without_secrets(&format!("{path}.{index}"), key, node)
                })
            }
            Value::Str(text) => {
                self.checker.ensure_no_secret(!is_plain_secret(key, text), path, MESSAGE, HELP)
            }
            _ => Ok(()),
        }
    }

    /// Looks at the flags of a program: `--api-key=VALUE`, or `--api-key` before its value.
    fn arguments(&self, path: &str, nodes: &[Node]) -> Check {
        let texts: Vec<Option<String>> = nodes.iter().map(Node::scalar_text).collect();
        let mut named: Option<&str> = None;
        for (index, text) in texts.iter().enumerate() {
            let Some(text) = text.as_deref() else { continue };
            let is_flag = text.starts_with('-');
            let pair = text.split_once('=').filter(|_| is_flag);
            if let Some((name, value)) = pair.or_else(|| Some((named.take()?, text))) {
                // A shell fills in its own variables.
                let is_plain = !value.starts_with(['-', '$']) && is_plain_secret(name, value);
                self.checker.ensure_no_secret(
                    !is_plain,
                    &format!("{path}.{index}"),
                    MESSAGE,
                    HELP,
                )?;
            }
            named = Some(text).filter(|_| is_flag && pair.is_none());
        }
        Ok(())
    }
}
