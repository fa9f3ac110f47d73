//! State that all checks share: the spec, and its tree for the positions of errors.

use crate::spec::tree::Node;
use crate::spec::{Spec, SpecError};

/// Result of a check: nothing, or an error with its position.
pub(super) type Check = Result<(), SpecError>;

/// A spec being checked.
pub(super) struct Checker<'a> {
    pub spec: &'a Spec,
    pub tree: &'a Node,
}

impl Checker<'_> {
    /// Fails at a path unless something holds.
    pub fn ensure(&self, holds: bool, path: &str, message: &str, help: &str) -> Check {
        if holds { Ok(()) } else { Err(self.error(path, message).help(help)) }
    }

    /// Creates an error at a path.
    pub fn error(&self, path: &str, message: &str) -> SpecError {
        SpecError::at(&self.tree.place_of(path), format!("{path}: {message}"))
    }
}
