//! Levels that were measured before, whatever plan asked for them.
//!
//! What an adaptive sweep may use is what the dataset, the workflow, the load and the rig allow: a
//! recording from the same items, by the same version of the stage, under the same slice of the
//! spec, apart from what only says how many runs a level gets and which other levels there are.

use super::PipelineError;
use super::context::Context;
use super::graph_level::KnownLevel;
use super::measurement::without_amount;
use super::stage_id::StageId;
use super::stages::stage;
use crate::engine::Id;
use crate::load::RecordedRuns;
use crate::measure::LevelMetrics;
use crate::pacing::LoadPoint;
use crate::store::{Digest, Manifest, Parts, key_of};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// All levels in the store that a spec may use, with the items of its dataset.
pub(super) fn known_levels(
    context: &Context,
    items: &Digest,
) -> Result<BTreeMap<LoadPoint, KnownLevel>, PipelineError> {
    let any = StageId::Sweep(context.spec.concurrency.point(1));
    let sweep = stage(&any, context)?;
    let inputs = [(StageId::Expand.to_string(), items.clone())].into();
    let wanted = Parts { version: sweep.version(), reads: sweep.reads(), inputs };
    let mut found: BTreeMap<LoadPoint, Vec<KnownLevel>> = BTreeMap::new();
    for manifest in context.services.store.manifests_of(any.kind()) {
        let level = manifest.stage.split_once('@').and_then(|(_, level)| level.parse().ok());
        let Some(level) = level.filter(|_| is_allowed(&manifest.parts, &wanted)) else {
            continue;
        };
        let point = context.spec.concurrency.point(level);
        // What was cut short is measured again wherever that can be.
        if manifest.cut_short.is_some() && !context.offline {
            continue;
        }
        // A damaged one is none: where it is wanted, it is measured again.
        if context.services.store.is_sound(&manifest.digest)
            && let Some(metrics) = metrics(context, point, &manifest)?
        {
            found.entry(point).or_default().push(KnownLevel { manifest, metrics });
        }
    }
    let best = |(point, levels)| Some((point, best(context, levels)?));
    Ok(found.into_iter().filter_map(best).collect())
}

fn is_allowed(parts: &Parts, wanted: &Parts) -> bool {
    parts.version == wanted.version
        && parts.inputs == wanted.inputs
        && without_amount(parts.reads.clone()) == without_amount(wanted.reads.clone())
}

/// The metrics of a recording: the artifact, or made from the runs where there is none.
fn metrics(
    context: &Context,
    point: LoadPoint,
    recording: &Manifest,
) -> Result<Option<LevelMetrics>, PipelineError> {
    let id = StageId::Level(point);
    let level = stage(&id, context)?;
    let inputs = [(recording.stage.clone(), recording.digest.clone())].into();
    let parts = Parts { version: level.version(), reads: level.reads(), inputs };
    let manifest = context.services.store.manifest(&key_of(&id.to_string(), &parts));
    let bytes = manifest.and_then(|manifest| context.services.store.read(&manifest.digest).ok());
    if let Some(metrics) = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        return Ok(Some(metrics));
    }
    let tolerated = context.spec.concurrency.on_failure.tolerated();
    let of_runs = |runs: &RecordedRuns| {
        LevelMetrics::of_columns(point.axis(), runs, runs.around(), tolerated).ok()
    };
    Ok(open(context, recording).as_ref().and_then(of_runs))
}

fn open(context: &Context, recording: &Manifest) -> Option<RecordedRuns> {
    RecordedRuns::open(context.services.store.open(&recording.digest).ok()?).ok()
}

/// Of several recordings of a level, newest first, the one with most runs; of equals, the newest. One
/// that was measured to take the place of another does.
fn best(context: &Context, mut levels: Vec<KnownLevel>) -> Option<KnownLevel> {
    if levels.len() > 1 {
        let whole = levels.iter().filter(|level| level.manifest.cut_short.is_none());
        let opened = whole.filter_map(|level| open(context, &level.manifest));
        let replaced: Vec<String> =
            opened.flat_map(|runs| runs.around().replaced.clone()).collect();
        levels.retain(|level| !replaced.iter().any(|it| it == level.manifest.digest.as_str()));
    }
    levels
        .sort_by_key(|level| (level.manifest.cut_short.is_some(), Reverse(level.metrics.measured)));
    levels.into_iter().next()
}
