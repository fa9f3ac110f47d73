//! Checks that types cannot express, with the tree of a spec for the positions of their errors.

use super::tree::{Node, Value};
use super::{Secret, SpecError};
use crate::redact::{is_formed_as_a_secret, names_a_secret, query_holds_a_secret, url_password};

/// Result of a check: nothing, or an error with its position.
pub type Check = Result<(), SpecError>;

/// A spec being checked: makes errors that point at its keys.
pub struct Checker<'a> {
    tree: &'a Node,
}

impl<'a> Checker<'a> {
    /// Creates a checker of the spec that a tree became.
    pub(crate) fn new(tree: &'a Node) -> Self {
        Self { tree }
    }

    /// Returns true if the spec says something at a path.
    pub(crate) fn is_given(&self, path: &str) -> bool {
        let node = path.split('.').try_fold(self.tree, |node, key| node.child(key));
        node.is_some_and(|node| node.value != Value::Null)
    }

    /// Fails at a path unless something holds.
    pub fn ensure(&self, holds: bool, path: &str, message: &str, help: &str) -> Check {
        if holds { Ok(()) } else { Err(self.error(path, message).help(help)) }
    }

    /// Fails at a path unless its value is no secret, and does not show it.
    pub fn ensure_no_secret(&self, holds: bool, path: &str, message: &str, help: &str) -> Check {
        self.ensure(holds, path, message, help).map_err(SpecError::hiding_the_value)
    }

    /// Creates an error at a path.
    pub fn error(&self, path: &str, message: &str) -> SpecError {
        SpecError::at(&self.tree.place_of(path), format!("{path}: {message}"))
    }

    /// Fails if the host of an address is made of an item.
    pub fn fixed_host(&self, path: &str, url: &str) -> Check {
        let host = url.split_once("://").map_or(url, |(_, rest)| rest);
        let host = host.split_once(['/', '?']).map_or(host, |(host, _)| host);
        self.ensure(
            !host.contains("{{") && !host.contains("{%"),
            path,
            "a workflow uses one server: only the path and the query can differ from item to item",
            "write the host literally; use `matrix` to measure several servers",
        )
    }

    /// Fails unless an address is one of HTTP, and gives its secrets by reference.
    pub fn address(&self, path: &str, address: &str) -> Check {
        let http = address.starts_with("http://") || address.starts_with("https://");
        self.ensure(http, path, "this is not an HTTP address", "write it as http://host:port/v1")?;
        let literal = url_password(address).is_some_and(|password| !password.starts_with("${env:"));
        self.ensure(
            !literal,
            path,
            "the address holds a password",
            "give it by reference: http://user:${env:PASSWORD}@host/v1",
        )?;
        self.ensure(
            !query_holds_a_secret(address) && !is_formed_as_a_secret(address),
            path,
            "the address holds a secret in plain text",
            "give it by reference, such as ?token=${env:API_TOKEN}, or send it in a header",
        )
    }

    /// Fails if a value whose name is that of a secret stands in plain text.
    pub fn secret(&self, path: &str, secret: &Secret) -> Check {
        let name = path.rsplit('.').next().unwrap_or(path);
        let by_reference = secret.is_reference() && !secret.has_default();
        let allowed = by_reference || !names_a_secret(name);
        self.ensure_no_secret(
            allowed,
            path,
            "this is a secret in plain text",
            "put it into an environment variable and write ${env:NAME}",
        )
    }
}
