//! Adaptive levels: each follows from the metrics of those that are there, which are artifacts like
//! any other. What is there is evidence, whoever asked for it: an earlier limit, another budget, a
//! list of levels. So a sweep that was cut short goes on where it stopped, and a new limit measures
//! only what is missing.

use super::PipelineError;
use super::context::Context;
use super::graph_level::GraphLevel;
use super::graph_level::KnownLevel;
use super::known_levels::known_levels;
use super::reason::RemeasureReason;
use super::search::{evidence, search_of};
use super::stage_id::StageId;
use crate::engine::{CacheLookup, ResolvedSelection, look_up};
use crate::measure::LevelMetrics;
use crate::pacing::LoadPoint;
use crate::sizing::{self, Search, Step};
use crate::spec::Spec;
use std::collections::BTreeMap;

/// The levels of a spec as far as they are known: those that it names, or that were measured, with the one that is
/// next.
pub(super) fn first_levels(context: &Context) -> Result<Vec<GraphLevel>, PipelineError> {
    match search_of(&context.spec) {
        Some(search) => explored(context, &search),
        None => fixed(context),
    }
}

/// The load points of levels.
pub(super) fn levels_of(levels: &[GraphLevel]) -> impl Iterator<Item = LoadPoint> {
    levels.iter().map(|level| level.point)
}

fn explored(context: &Context, search: &Search) -> Result<Vec<GraphLevel>, PipelineError> {
    let known = known_at_rest(context)?;
    let metrics: Vec<LevelMetrics> = known.values().map(|it| it.metrics.clone()).collect();
    let mut levels: Vec<GraphLevel> = known.into_iter().map(GraphLevel::known).collect();
    if let Some(step) = search.next(&evidence(&context.spec, &metrics), false) {
        plan_step(&mut levels, &context.spec, step);
    }
    Ok(levels)
}

/// The levels that are there for a spec, where its dataset was expanded before.
fn known_at_rest(context: &Context) -> Result<BTreeMap<LoadPoint, KnownLevel>, PipelineError> {
    let (previous, inputs) = (context.previous(), BTreeMap::new());
    let expand =
        look_up(context, &previous, &StageId::Expand, &inputs, &ResolvedSelection::nothing())?;
    match expand.found {
        CacheLookup::Hit(manifest) => known_levels(context, &manifest.digest),
        CacheLookup::Miss(_) => Ok(BTreeMap::new()),
    }
}

/// Puts the next level among the others, or says of one of them that it is measured again.
pub(super) fn plan_step(levels: &mut Vec<GraphLevel>, spec: &Spec, step: Step) {
    let Step { level, again } = step;
    let again = again.map(|again| match again {
        sizing::RemeasureReason::FewRuns => RemeasureReason::FewRuns,
        sizing::RemeasureReason::Compared => RemeasureReason::Compared,
    });
    let point = spec.concurrency.point(level.concurrency);
    match levels.iter_mut().find(|it| it.point == point) {
        Some(known) => (known.runs, known.again) = (level.runs, again),
        None => levels.push(GraphLevel::new(point, level.runs)),
    }
}

/// Levels that do not depend on each other; how many runs they have follows from the spec or the
/// recording too.
fn fixed(context: &Context) -> Result<Vec<GraphLevel>, PipelineError> {
    let level = |point| GraphLevel::new(point, 0);
    Ok(context.files.levels()?.into_iter().map(level).collect())
}
