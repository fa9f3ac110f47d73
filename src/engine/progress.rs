//! The progress of a run through a graph.

use super::graph::Graph;
use super::id::Id;
use super::resolved_selection::ResolvedSelection;
use crate::store::Manifest;
use std::collections::{BTreeMap, BTreeSet};

/// The progress of a run through a graph.
pub(crate) struct Progress<I> {
    /// All stages, as far as they are known.
    pub graph: Graph<I>,
    /// Those that may run, and those that are needed.
    pub chosen: ResolvedSelection<I>,
    /// Stages whose artifacts are there.
    pub manifests: BTreeMap<I, Manifest>,
    /// Stages that failed, or that cannot run for want of one that did.
    pub missing: BTreeSet<I>,
    /// Stages that were made, and not found.
    pub ran: BTreeSet<I>,
}

impl<I: Id> Progress<I> {
    /// Returns true if nothing more becomes of a stage.
    pub fn is_settled(&self, id: &I) -> bool {
        self.manifests.contains_key(id)
            || self.missing.contains(id)
            || !self.chosen.needed.contains(id)
    }
}
