//! The stages of a spec and what each of them needs.

use super::StageId;
use super::graph_level::GraphLevel;
use crate::sizing::NextLevel;
use crate::spec::{ReportSpec, Spec};
use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use std::collections::BTreeMap;

/// The directed acyclic graph of a spec's stages; an edge leads from a stage to one that needs it. A stage is added
/// after all that it needs, so the order of the nodes is one in which stages can run.
#[derive(Clone)]
pub struct Graph {
    stages: DiGraph<StageId, ()>,
    levels: Vec<GraphLevel>,
}

impl Graph {
    /// The stages that a spec asks for, with these levels in the order in which they are measured.
    pub(super) fn of(spec: &Spec, measured: &[GraphLevel]) -> Self {
        let mut graph = Self { stages: DiGraph::new(), levels: measured.to_vec() };
        let expand = graph.add(StageId::Expand, &[]);
        let (mut sweeps, mut levels) = (Vec::new(), Vec::new());
        // Each level is aggregated right after its sweep.
        for NextLevel { concurrency, .. } in measured.iter().map(|level| level.next) {
            let sweep = graph.add(StageId::Sweep(concurrency), &[expand]);
            sweeps.push(sweep);
            levels.push(graph.add(StageId::Level(concurrency), &[sweep]));
        }
        let fit = graph.add(StageId::Fit, &levels);
        // The runs too: how many are over a target is known only once there is one.
        let estimate = graph.add(StageId::Estimate, &[&sweeps[..], &levels, &[fit]].concat());
        // Of the sweeps only their digests: a result says which runs it rests on.
        let all = [&[expand, fit, estimate], &sweeps[..], &levels].concat();
        let result = graph.add(StageId::Result, &all);
        for report in &spec.outputs.reports {
            let runs = if reads_runs(report) { &sweeps[..] } else { &[] };
            graph.add(StageId::Render(report.name.clone()), &[&[result], runs].concat());
        }
        graph
    }

    /// Adds a stage.
    fn add(&mut self, stage: StageId, needs: &[NodeIndex]) -> NodeIndex {
        let stage = self.stages.add_node(stage);
        for &need in needs {
            self.stages.add_edge(need, stage, ());
        }
        stage
    }

    /// The levels in the order in which they are measured.
    pub(super) fn levels(&self) -> &[GraphLevel] {
        &self.levels
    }

    /// All stages, each after everything that it needs.
    pub fn stages(&self) -> impl Iterator<Item = (&StageId, Vec<&StageId>)> {
        self.stages.node_indices().map(|node| {
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
        let stages = || self.stages.node_weights().enumerate();
        let numbers: BTreeMap<&StageId, usize> =
            stages().map(|(number, id)| (id, number)).collect();
        let nodes = stages().map(|(number, id)| format!("  s{number}[\"{id}\"]\n"));
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
