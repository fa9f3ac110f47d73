//! The stages of a spec and what each of them needs.

use super::StageId;
use crate::engine::{self, Addition};
use crate::spec::{ReportSpec, Spec};

/// The graph of a spec's stages.
pub type Graph = engine::Graph<StageId>;

/// The stages that a spec asks for, with these levels in the order in which they are measured.
pub(super) fn graph_of(spec: &Spec, levels: impl IntoIterator<Item = u32>) -> Graph {
    let reading = Addition::reading;
    let mut stages = vec![
        reading(StageId::Expand, vec![]),
        // Which levels there are may follow from the dataset.
        reading(StageId::Fit, vec![]).following(StageId::Expand),
        reading(StageId::Estimate, vec![StageId::Fit]),
        reading(StageId::Result, vec![StageId::Expand, StageId::Fit, StageId::Estimate]),
    ];
    let renders = spec.outputs.reports.iter().map(|report| StageId::Render(report.name.clone()));
    stages.extend(renders.map(|render| reading(render, vec![StageId::Result])));
    stages.extend(levels.into_iter().flat_map(|level| level_stages(spec, level)));
    grown(Graph::empty(), stages)
}

/// A graph with a further level.
pub(super) fn with_level(graph: Graph, spec: &Spec, concurrency: u32) -> Graph {
    grown(graph, level_stages(spec, concurrency))
}

/// The stages of a level. It is aggregated right after its sweep.
fn level_stages(spec: &Spec, concurrency: u32) -> [Addition<StageId>; 2] {
    // Estimates read the runs too: how many are over a target is known only once there is one. Of the sweeps, a result
    // reads only the digests: it says which runs it rests on.
    let joined = vec![StageId::Estimate, StageId::Result];
    let reports = spec.outputs.reports.iter().filter(|report| reads_runs(spec, report));
    let renders = reports.map(|report| StageId::Render(report.name.clone()));
    let runs_read_by = joined.iter().cloned().chain(renders).collect();
    let metrics_read_by = [vec![StageId::Fit], joined].concat();
    let (sweep, level) = (StageId::Sweep(concurrency), StageId::Level(concurrency));
    [
        Addition::reading(sweep.clone(), vec![StageId::Expand]).read_by(runs_read_by),
        Addition::reading(level, vec![sweep]).read_by(metrics_read_by),
    ]
}

#[expect(
    clippy::expect_used,
    reason = "the stages of a level are read by those that join levels, which no level reads"
)]
fn grown(mut graph: Graph, stages: impl IntoIterator<Item = Addition<StageId>>) -> Graph {
    graph.add(stages).expect("no stage needs one that comes after it");
    graph
}

/// Tells a report that goes beyond the figures. A template of the user's sees these alone.
fn reads_runs(spec: &Spec, report: &ReportSpec) -> bool {
    let made_by_code = report.template.is_none();
    let added = spec.added_report(&report.name).is_some_and(|it| it.report.reads_runs());
    let built_in = || crate::report::report(&report.name, None).is_some_and(|it| it.reads_runs());
    made_by_code && (added || built_in())
}
