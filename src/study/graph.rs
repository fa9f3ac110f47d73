//! The graph of a spec's stages.

use super::StageId;
use super::stage_id::{Distinction, Kind};
use crate::engine::{self, Addition};
use crate::pacing::LoadPoint;
use crate::spec::Spec;

/// The graph of a spec's stages.
pub type Graph = engine::Graph<StageId>;

/// The stages that a spec asks for, with these levels in the order in which they are measured.
pub(super) fn graph_of(spec: &Spec, levels: impl IntoIterator<Item = LoadPoint>) -> Graph {
    let joining = joining_stages(spec).map(|id| {
        let kind = id.of_kind();
        let stages =
            |kinds: &[Kind]| kinds.iter().flat_map(|kind| joining_of(spec, *kind)).collect();
        let follows: Vec<StageId> = stages(kind.follows());
        let addition = Addition::reading(id, stages(kind.reads()));
        follows.into_iter().fold(addition, Addition::following)
    });
    let levels = levels.into_iter().flat_map(|level| level_stages(spec, level));
    grown(Graph::empty(), joining.chain(levels))
}

/// A graph with a further level.
pub(super) fn with_level(graph: Graph, spec: &Spec, level: LoadPoint) -> Graph {
    grown(graph, level_stages(spec, level))
}

/// The stages of a kind that are of no level.
fn joining_of(spec: &Spec, kind: Kind) -> impl Iterator<Item = StageId> {
    let reports = spec.outputs.reports.iter().map(|report| Distinction::Report(&report.name));
    std::iter::once(Distinction::Spec).chain(reports).filter_map(move |own| kind.stage(own))
}

/// The stages that are of no level.
fn joining_stages(spec: &Spec) -> impl Iterator<Item = StageId> {
    Kind::ALL.iter().flat_map(|kind| joining_of(spec, *kind))
}

/// The stages of a level. It is aggregated right after its sweep.
fn level_stages(spec: &Spec, level: LoadPoint) -> impl Iterator<Item = Addition<StageId>> {
    Kind::ALL.iter().filter_map(move |kind| {
        let id = kind.stage(Distinction::Level(level))?;
        let read = |read: &Kind| {
            let own = read.stage(Distinction::Level(level));
            own.map_or_else(|| joining_of(spec, *read).collect(), |own| vec![own])
        };
        let reads = kind.reads().iter().flat_map(read).collect();
        let readers = joining_stages(spec).filter(|reader| reads_level_stage(spec, reader, *kind));
        Some(Addition::reading(id, reads).read_by(readers.collect()))
    })
}

/// Returns true if a stage reads the stages of a kind, of all levels.
fn reads_level_stage(spec: &Spec, reader: &StageId, kind: Kind) -> bool {
    let needs_it = || match reader {
        StageId::Render(report) => reads_runs(spec, report),
        _ => true,
    };
    reader.of_kind().reads().contains(&kind) && needs_it()
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
fn reads_runs(spec: &Spec, name: &str) -> bool {
    let mut reports = spec.outputs.reports.iter();
    let made_by_code = reports.any(|report| report.name == name && report.template.is_none());
    let added = spec.added_report(name).is_some_and(|it| it.report.reads_runs());
    let built_in = || crate::report::report(name, None).is_some_and(|it| it.reads_runs());
    made_by_code && (added || built_in())
}
