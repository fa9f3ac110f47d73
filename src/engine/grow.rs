//! Stages that are added to a graph while it is worked through.

use super::graph::Graph;
use super::host::Host;
use super::progress::Progress;

/// Decides which stages a graph gets once others are done.
pub(crate) trait Grow<H: Host>: Send {
    /// The graph as it is to be after a stage has settled; `None` if it stays.
    fn grow(
        &mut self,
        progress: &Progress<H::Id>,
        settled: &H::Id,
    ) -> Result<Option<Growth<H::Id>>, H::Error>;

    /// Returns true if the graph may get further stages that need what it holds.
    fn may_grow(&self) -> bool;
}

/// A graph that has grown.
pub(crate) struct Growth<I> {
    /// The stages that there were, with new ones.
    pub graph: Graph<I>,
    /// Stages that are looked up again, although they are done.
    pub again: Vec<I>,
}
