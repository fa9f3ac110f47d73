//! The stages of a spec and what each of them needs.

use super::StageId;
use super::graph_level::GraphLevel;
use crate::sizing::NextLevel;
use crate::spec::{ReportSpec, Spec};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use petgraph::{Direction, algo};
use std::collections::BTreeMap;

/// The directed acyclic graph of a spec's stages; an edge leads from a stage to one that needs it.
#[derive(Clone)]
pub struct Graph {
    stages: DiGraph<StageId, ()>,
    levels: Vec<GraphLevel>,
    /// Positions of the stages in an order in which each follows all that it needs.
    order: Vec<NodeIndex>,
}

impl Graph {
    /// The stages that a spec asks for, with these levels in the order in which they are measured.
    pub(super) fn of(spec: &Spec, measured: &[GraphLevel]) -> Self {
        let mut graph = DiGraph::new();
        let expand = graph.add_node(StageId::Expand);
        let fit = graph.add_node(StageId::Fit);
        let estimate = graph.add_node(StageId::Estimate);
        let result = graph.add_node(StageId::Result);
        let (mut sweeps, mut levels) = (Vec::new(), Vec::new());
        let mut order = vec![expand];
        for NextLevel { concurrency, .. } in measured.iter().map(|level| level.next) {
            let sweep = graph.add_node(StageId::Sweep(concurrency));
            let level = graph.add_node(StageId::Level(concurrency));
            connect(&mut graph, &[expand], sweep);
            connect(&mut graph, &[sweep], level);
            connect(&mut graph, &[level], fit);
            // The runs too: how many are over a target is known only once there is one.
            connect(&mut graph, &[sweep, level], estimate);
            sweeps.push(sweep);
            levels.push(level);
            // Each level is aggregated right after its sweep.
            order.extend([sweep, level]);
        }
        graph.add_edge(fit, estimate, ());
        // Of the sweeps only their digests: a result says which runs it rests on.
        connect(&mut graph, &[&sweeps[..], &levels, &[expand, fit, estimate]].concat(), result);
        order.extend([fit, estimate, result]);
        for report in &spec.outputs.reports {
            let render = graph.add_node(StageId::Render(report.name.clone()));
            connect(&mut graph, &[result], render);
            if reads_runs(report) {
                connect(&mut graph, &sweeps, render);
            }
            order.push(render);
        }
        debug_assert!(!algo::is_cyclic_directed(&graph));
        Self { stages: graph, levels: measured.to_vec(), order }
    }

    /// The levels in the order in which they are measured.
    pub(super) fn levels(&self) -> &[GraphLevel] {
        &self.levels
    }

    /// All stages, each after everything that it needs.
    pub fn stages(&self) -> impl Iterator<Item = (&StageId, Vec<&StageId>)> {
        self.order.iter().map(|&node| {
            let mut needs: Vec<&StageId> = self
                .stages
                .neighbors_directed(node, Direction::Incoming)
                .filter_map(|need| self.stages.node_weight(need))
                .collect();
            needs.sort();
            (&self.stages[node], needs)
        })
    }

    /// The graph for Graphviz.
    pub fn to_dot(&self) -> String {
        let lines = self.edges().map(|(from, to)| format!("  \"{from}\" -> \"{to}\";\n"));
        format!(
            "digraph sizer {{\n  rankdir=LR;\n  node [shape=box];\n{}}}\n",
            lines.collect::<String>()
        )
    }

    /// The graph for Mermaid, as Markdown viewers draw it.
    pub fn to_mermaid(&self) -> String {
        let numbers: BTreeMap<&StageId, usize> = self
            .order
            .iter()
            .enumerate()
            .map(|(number, &node)| (&self.stages[node], number))
            .collect();
        let nodes = self
            .order
            .iter()
            .enumerate()
            .map(|(number, &node)| format!("  s{number}[\"{}\"]\n", self.stages[node]));
        let edges =
            self.edges().map(|(from, to)| format!("  s{} --> s{}\n", numbers[from], numbers[to]));
        format!("flowchart LR\n{}{}", nodes.collect::<String>(), edges.collect::<String>())
    }

    /// All edges, sorted.
    fn edges(&self) -> impl Iterator<Item = (&StageId, &StageId)> {
        let mut edges: Vec<_> = self
            .stages
            .edge_references()
            .map(|edge| (&self.stages[edge.source()], &self.stages[edge.target()]))
            .collect();
        edges.sort();
        edges.into_iter()
    }
}

/// Tells a report that goes beyond the figures. A template of the user's sees these alone.
fn reads_runs(report: &ReportSpec) -> bool {
    let made_by_code = report.template.is_none();
    made_by_code && crate::report::report(&report.name, None).is_some_and(|it| it.reads_runs())
}

fn connect(graph: &mut DiGraph<StageId, ()>, needs: &[NodeIndex], stage: NodeIndex) {
    for &need in needs {
        graph.add_edge(need, stage, ());
    }
}
