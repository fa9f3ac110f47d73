//! A selection worked out on a graph.

use std::collections::BTreeSet;

/// A selection worked out on a graph.
#[derive(Clone, Debug)]
pub(crate) struct ResolvedSelection<I> {
    /// Stages that may run.
    pub wanted: BTreeSet<I>,
    /// Stages whose artifacts are needed: the wanted ones and all that they rest on.
    pub needed: BTreeSet<I>,
    /// Stages that run although their artifacts are there.
    pub forced: BTreeSet<I>,
}

impl<I> ResolvedSelection<I> {
    /// A selection for looking only.
    pub fn nothing() -> Self {
        Self { wanted: BTreeSet::new(), needed: BTreeSet::new(), forced: BTreeSet::new() }
    }
}
