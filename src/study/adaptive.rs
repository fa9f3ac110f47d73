//! Adaptive levels: each follows from the metrics of those that are there, which are artifacts like
//! any other. What is there is evidence, whoever asked for it: an earlier limit, another budget, a
//! list of levels. So a sweep that was cut short goes on where it stopped, and a new limit measures
//! only what is missing.

use super::PipelineError;
use super::chosen::Chosen;
use super::context::Context;
use super::graph::Graph;
use super::graph_level::GraphLevel;
use super::graph_level::Known;
use super::keys::{Found, Last, look_up};
use super::known::known_levels;
use super::reason::Reason;
use super::search::search_of;
use super::stage_id::StageId;
use crate::load::read_foreign;
use crate::measure::LevelMetrics;
use crate::sizing::{Again, NextLevel, Step};
use crate::spec::{Levels, Spec};
use std::collections::BTreeMap;

/// The graph of a spec as far as it is known: with the levels that were measured, and the one that
/// is next.
pub(super) fn known_graph(spec: &Spec) -> Graph {
    let Some(search) = search_of(spec) else { return Graph::of(spec, &fixed(spec)) };
    // A dataset that cannot be read is an error of whoever needs it; here it only means that
    // nothing is known yet.
    let known: Vec<Known> =
        known_at_rest(spec).map_or_else(|_| Vec::new(), |known| known.into_values().collect());
    let metrics: Vec<LevelMetrics> = known.iter().map(|it| it.metrics.clone()).collect();
    let mut levels: Vec<GraphLevel> = known.into_iter().map(GraphLevel::known).collect();
    if let Some(step) = search.next(&metrics, false) {
        plan_step(&mut levels, step);
    }
    Graph::of(spec, &levels)
}

/// The levels that are there for a spec, where its dataset was expanded before.
fn known_at_rest(spec: &Spec) -> Result<BTreeMap<u32, Known>, PipelineError> {
    let context = Context::at_rest(spec, &Graph::of(spec, &[]));
    let last = Last::of(spec, &context.services.store);
    let expand = look_up(&context, &last, &StageId::Expand, &BTreeMap::new(), &Chosen::default())?;
    match expand.found {
        Found::Artifact(manifest) => known_levels(&context, &manifest.digest),
        Found::Nothing(_) => Ok(BTreeMap::new()),
    }
}

/// Puts the next level among the others, or says of one of them that it is measured again.
pub(super) fn plan_step(levels: &mut Vec<GraphLevel>, step: Step) {
    let Step { level, again } = step;
    let again = again.map(|again| match again {
        Again::FewRuns => Reason::FewRuns,
        Again::Compared => Reason::Compared,
    });
    match levels.iter_mut().find(|it| it.next.concurrency == level.concurrency) {
        Some(known) => (known.next, known.again) = (level, again),
        None => levels.push(GraphLevel::new(level)),
    }
}

/// Levels that the spec itself names, or that a recording has; how many runs they have follows from
/// there too.
fn fixed(spec: &Spec) -> Vec<GraphLevel> {
    let mut levels = spec.concurrency.in_order();
    if let (Levels::FromData, Some(recorded)) = (&spec.concurrency.levels, spec.workflow.recorded())
    {
        // One that cannot be read is an error of the stage that needs it.
        levels = match read_foreign(recorded, &|path| spec.resolve(path)) {
            Ok(found) => found.levels().into_iter().collect(),
            Err(_) => Vec::new(),
        };
    }
    levels
        .into_iter()
        .map(|concurrency| GraphLevel::new(NextLevel { concurrency, runs: 0 }))
        .collect()
}
