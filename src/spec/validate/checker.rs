//! State that the checks of all sections share.

use crate::language::{Check, Checker, Node, SpecError};
use crate::spec::Spec;

/// A spec being checked, with what makes errors that point into it.
pub(super) struct SpecChecker<'a> {
    pub spec: &'a Spec,
    pub checker: Checker<'a>,
}

impl<'a> SpecChecker<'a> {
    pub fn new(spec: &'a Spec, tree: &'a Node) -> Self {
        Self { spec, checker: Checker::new(tree) }
    }

    /// Fails at a path unless something holds.
    pub fn ensure(&self, holds: bool, path: &str, message: &str, help: &str) -> Check {
        self.checker.ensure(holds, path, message, help)
    }

    /// Creates an error at a path.
    pub fn error(&self, path: &str, message: &str) -> SpecError {
        self.checker.error(path, message)
    }
}
