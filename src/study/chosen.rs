//! A selection worked out on a graph.

use super::StageId;
use std::collections::BTreeSet;

/// A selection worked out on a graph.
#[derive(Default)]
pub(super) struct Chosen {
    /// Stages that may run.
    pub wanted: BTreeSet<StageId>,
    /// Stages whose artifacts are needed: the wanted ones and all that they rest on.
    pub needed: BTreeSet<StageId>,
    /// Stages that run although their artifacts are there.
    pub forced: BTreeSet<StageId>,
}
