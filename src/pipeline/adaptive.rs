//! Adaptive levels: each follows from the metrics of those that are there, which are artifacts like
//! any other. What is there is evidence, whoever asked for it: an earlier limit, another budget, a
//! list of levels. So a sweep that was cut short goes on where it stopped, and a new limit measures
//! only what is missing.

use super::PipelineError;
use super::context::Context;
use super::graph::{Graph, GraphLevel, StageId};
use super::keys::{Found, Last, look_up};
use super::known::{Known, known_levels};
use super::reason::Reason;
use super::select::Chosen;
use super::stages::question;
use crate::load::read_foreign;
use crate::measure::{Asked, LevelMetrics};
use crate::sizing::{AdaptivePlan, Again, NextLevel, Search, Spend, Step, Wanted};
use crate::spec::{Budget, Levels, Spec};
use std::collections::BTreeMap;

/// What an adaptive sweep of the spec looks for; `None` where its levels are fixed.
pub(super) fn search_of(spec: &Spec) -> Option<Search> {
    let load = &spec.concurrency;
    let plan = (load.levels == Levels::Adaptive).then(|| AdaptivePlan {
        start: load.first_level(),
        max: load.highest_level(),
        budget: load.budget.map(|budget| match budget {
            Budget::Runs(runs) => Spend::Runs(runs as f64),
            Budget::Seconds(seconds) => Spend::Seconds(seconds.get()),
        }),
        targets: question(spec, &spec.targets.main()).targets,
    })?;
    let wanted = match (load.runs, load.passes, load.duration, load.until) {
        (Some(runs), ..) => Wanted::Runs(f64::from(runs)),
        (_, Some(passes), ..) => Wanted::Waves(f64::from(passes)),
        (_, _, Some(duration), _) => Wanted::Seconds(duration.get()),
        (.., Some(until)) => {
            Wanted::Precision { width: until.p95_within.get(), most: f64::from(until.at_most) }
        }
        _ => Wanted::Planned,
    };
    Some(Search { asked: asked(spec, &plan), plan, wanted })
}

/// What tells the levels of this search from others.
fn asked(spec: &Spec, plan: &AdaptivePlan) -> Asked {
    const WINDOW: [&str; 4] = ["passes", "runs", "duration", "until"];
    let limits =
        plan.targets.iter().map(|it| format!("{} {} {}", it.metric, it.quantile, it.limit));
    let load = serde_json::json!(spec.concurrency);
    let said = |key: &str| load.get(key).filter(|value| !value.is_null()).map(ToString::to_string);
    let window = WINDOW.iter().filter_map(|key| Some(format!("{key} {}", said(key)?)));
    Asked {
        targets: limits.collect::<Vec<_>>().join(", "),
        budget: said("budget").unwrap_or_default(),
        window: window.collect::<Vec<_>>().join(", "),
    }
}

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
    let last = Last::of(spec, &context.store);
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
