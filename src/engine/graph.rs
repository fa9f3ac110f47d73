//! Stages and what each of them needs.

use super::id::Id;
use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// The directed acyclic graph of stages; an edge leads from a stage to one that needs it. It can grow while it is
/// worked through.
#[derive(Clone, Debug)]
pub struct Graph<I> {
    stages: DiGraph<I, Edge>,
    nodes: BTreeMap<I, NodeIndex>,
    /// All nodes, each after everything that it needs.
    order: Vec<NodeIndex>,
}

/// The kind of a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    /// The artifact of the one is an input of the other.
    Reads,
    /// The one is over before the other begins, which reads nothing of it.
    Follows,
}

/// A stage that a graph gets.
pub(crate) struct Addition<I> {
    id: I,
    reads: Vec<I>,
    follows: Vec<I>,
    read_by: Vec<I>,
}

/// Stages that need one another, so that none of them can be the first.
#[derive(Debug)]
pub(crate) struct CircularDependency;

impl<I: Id> Addition<I> {
    /// A stage that reads the artifacts of others.
    pub fn reading(id: I, reads: Vec<I>) -> Self {
        Self { id, reads, follows: Vec::new(), read_by: Vec::new() }
    }

    /// The same after a stage that it reads nothing of.
    pub fn following(mut self, other: I) -> Self {
        self.follows.push(other);
        self
    }

    /// The same with stages of the graph that read it.
    pub fn read_by(self, read_by: Vec<I>) -> Self {
        Self { read_by, ..self }
    }
}

impl<I: Id> Graph<I> {
    /// A graph without stages.
    pub(crate) fn empty() -> Self {
        Self { stages: DiGraph::new(), nodes: BTreeMap::new(), order: Vec::new() }
    }

    /// Adds stages, each of which may name those before it. Of stages that do not need one another, the one that was
    /// added first comes first.
    pub(crate) fn add(
        &mut self,
        additions: impl IntoIterator<Item = Addition<I>>,
    ) -> Result<(), CircularDependency> {
        for Addition { id, reads, follows, read_by } in additions {
            let node = self.stages.add_node(id.clone());
            self.nodes.insert(id, node);
            let of = |names: &[I]| -> Vec<NodeIndex> {
                names.iter().filter_map(|name| self.nodes.get(name).copied()).collect()
            };
            let (reads, follows, read_by) = (of(&reads), of(&follows), of(&read_by));
            for need in reads {
                self.stages.add_edge(need, node, Edge::Reads);
            }
            for need in follows {
                self.stages.add_edge(need, node, Edge::Follows);
            }
            for reader in read_by {
                self.stages.add_edge(node, reader, Edge::Reads);
            }
        }
        self.order = self.sorted();
        if self.order.len() == self.stages.node_count() { Ok(()) } else { Err(CircularDependency) }
    }

    /// The nodes in topological order. Not petgraph's own `toposort`, whose order of independent nodes is that of a
    /// depth-first search: people read messages in the order in which stages were asked for.
    fn sorted(&self) -> Vec<NodeIndex> {
        let mut open: Vec<usize> =
            self.stages.node_indices().map(|node| self.edges_to(node).count()).collect();
        let first = self.stages.node_indices().filter(|node| open.get(node.index()) == Some(&0));
        let mut ready: BinaryHeap<Reverse<NodeIndex>> = first.map(Reverse).collect();
        let mut order = Vec::with_capacity(open.len());
        while let Some(Reverse(node)) = ready.pop() {
            order.push(node);
            for reader in self.stages.neighbors_directed(node, Direction::Outgoing) {
                if let Some(open) = open.get_mut(reader.index()) {
                    *open -= 1;
                    if *open == 0 {
                        ready.push(Reverse(reader));
                    }
                }
            }
        }
        order
    }

    fn edges_to(&self, node: NodeIndex) -> impl Iterator<Item = (&I, Edge)> {
        let edges = self.stages.edges_directed(node, Direction::Incoming);
        edges.map(|edge| (&self.stages[edge.source()], *edge.weight()))
    }

    /// All stages, each after everything that it needs, with those whose artifacts it reads.
    pub fn stages(&self) -> impl Iterator<Item = (&I, Vec<&I>)> {
        self.order.iter().map(|node| (&self.stages[*node], self.reads_of(*node)))
    }

    /// All stages in the same order, with those that are over before it begins.
    pub(super) fn in_order(&self) -> impl DoubleEndedIterator<Item = (&I, Vec<&I>)> {
        self.order.iter().map(|node| {
            (&self.stages[*node], self.edges_to(*node).map(|(before, _)| before).collect())
        })
    }

    /// The stages whose artifacts a stage reads, sorted.
    pub(super) fn reads(&self, id: &I) -> Vec<&I> {
        self.nodes.get(id).map_or_else(Vec::new, |node| self.reads_of(*node))
    }

    fn reads_of(&self, node: NodeIndex) -> Vec<&I> {
        let read = |(need, edge)| (edge == Edge::Reads).then_some(need);
        let mut needs: Vec<&I> = self.edges_to(node).filter_map(read).collect();
        needs.sort();
        needs
    }

    /// The stages that wait for a stage.
    pub(super) fn waiting_for(&self, id: &I) -> impl Iterator<Item = &I> {
        let node = self.nodes.get(id).copied();
        let readers = node.map(|node| self.stages.neighbors_directed(node, Direction::Outgoing));
        readers.into_iter().flatten().map(|reader| &self.stages[reader])
    }

    /// The graph for Graphviz.
    pub fn to_dot(&self) -> String {
        let lines =
            self.edges().into_iter().map(|(from, to)| format!("  \"{from}\" -> \"{to}\";\n"));
        format!(
            "digraph sizer {{\n  rankdir=LR;\n  node [shape=box];\n{}}}\n",
            lines.collect::<String>()
        )
    }

    /// The graph for Mermaid, as Markdown viewers draw it.
    pub fn to_mermaid(&self) -> String {
        let stages = || self.order.iter().map(|node| &self.stages[*node]).enumerate();
        let numbers: BTreeMap<&I, usize> = stages().map(|(number, id)| (id, number)).collect();
        let nodes = stages().map(|(number, id)| format!("  s{number}[\"{id}\"]\n"));
        let edges = self.edges().into_iter();
        let edges = edges.map(|(from, to)| format!("  s{} --> s{}\n", numbers[from], numbers[to]));
        format!("flowchart LR\n{}{}", nodes.collect::<String>(), edges.collect::<String>())
    }

    /// All edges along which artifacts are read, sorted.
    fn edges(&self) -> Vec<(&I, &I)> {
        let read = self.stages.edge_references().filter(|edge| *edge.weight() == Edge::Reads);
        let mut edges: Vec<_> =
            read.map(|edge| (&self.stages[edge.source()], &self.stages[edge.target()])).collect();
        edges.sort();
        edges
    }
}
