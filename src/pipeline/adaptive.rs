//! Adaptive levels: each follows from the metrics of those before, which are artifacts like any
//! other. Going through them again gives the same levels, so a sweep that was cut short goes on
//! where it stopped.

use super::PipelineError;
use super::context::Context;
use super::graph::{Graph, StageId};
use super::keys::{Candidate, Found, Last, look_up};
use super::select::Chosen;
use super::stages::question;
use crate::load::read_foreign;
use crate::measure::LevelMetrics;
use crate::sizing::{AdaptivePlan, NextLevel, Spend, next_level};
use crate::spec::{Budget, Levels, Spec};
use crate::store::Digest;
use std::collections::BTreeMap;

/// What the spec lets an adaptive sweep do; `None` where its levels are fixed.
pub(super) fn plan_of(spec: &Spec) -> Option<AdaptivePlan> {
    let load = &spec.concurrency;
    (load.levels == Levels::Adaptive).then(|| AdaptivePlan {
        start: load.first_level(),
        max: load.highest_level(),
        budget: load.budget.map(|budget| match budget {
            Budget::Runs(runs) => Spend::Runs(runs as f64),
            Budget::Seconds(seconds) => Spend::Seconds(seconds.get()),
        }),
        targets: question(spec, &spec.targets.main()).targets,
    })
}

/// The graph of a spec as far as it is known: with the levels that were measured, and the one that
/// is next.
pub(super) fn known_graph(spec: &Spec) -> Graph {
    let Some(plan) = plan_of(spec) else { return Graph::of(spec, &fixed(spec)) };
    let (mut levels, mut measured) = (Vec::new(), Vec::new());
    while let Some(next) = next_level(&plan, &measured) {
        levels.push(next);
        let graph = Graph::of(spec, &levels);
        // A dataset that cannot be read is an error of whoever needs it; here it only means that
        // nothing is known yet.
        match level_at_hand(spec, &graph, next.concurrency) {
            Ok(Some(level)) => measured.push(level),
            Ok(None) | Err(_) => break,
        }
    }
    Graph::of(spec, &levels)
}

/// Levels that the spec itself names, or that a recording has; how many runs they have follows from
/// there too.
fn fixed(spec: &Spec) -> Vec<NextLevel> {
    let mut levels = spec.concurrency.in_order();
    if let (Levels::FromData, Some(recorded)) = (&spec.concurrency.levels, spec.workflow.recorded())
    {
        // One that cannot be read is an error of the stage that needs it.
        let found = read_foreign(recorded, &|path| spec.resolve(path)).unwrap_or_default();
        levels = found.levels().into_iter().collect();
    }
    levels.into_iter().map(|concurrency| NextLevel { concurrency, runs: 0 }).collect()
}

/// The metrics of a level, if they and all that they rest on are in the store.
fn level_at_hand(
    spec: &Spec,
    graph: &Graph,
    concurrency: u32,
) -> Result<Option<LevelMetrics>, PipelineError> {
    let context = Context::at_rest(spec, graph);
    let last = Last::of(spec, &context.store);
    let mut inputs: BTreeMap<StageId, Digest> = BTreeMap::new();
    for id in [StageId::Expand, StageId::Sweep(concurrency), StageId::Level(concurrency)] {
        let candidate = look_up(&context, &last, &id, &inputs, &Chosen::default())?;
        let Candidate { found: Found::Artifact(manifest), .. } = candidate else {
            return Ok(None);
        };
        inputs = [(id, manifest.digest)].into();
    }
    let digest = inputs.into_values().next();
    let bytes = digest.map(|digest| context.store.read(&digest)).transpose()?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}
