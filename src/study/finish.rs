//! The end of a run: the lock file, the reports, the result.

use super::context::Context;
use super::outputs::note_written;
use super::stage_id::{Distinction, Kind, StageId};
use super::stages::{Artifacts, ResultInputs, ResultSlice, assemble};
use super::{Pipeline, PipelineError};
use crate::engine::{Previous, Progress};
use crate::report::SizingResult;
use crate::store::{LockFile, LockState, LockedStage, Manifest};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The work that a run has done.
pub(super) struct CompletedWork<'a> {
    /// The stages, with all levels that were chosen on the way, and those whose artifacts are there.
    pub progress: &'a Progress<StageId>,
    /// True if no stage failed.
    pub whole: bool,
}

impl Pipeline {
    /// The new entries of this spec in the lock file. An offline run changes only those of stages that it made itself,
    /// since the artifacts behind the others may be elsewhere.
    fn locked(
        &self,
        lock: &LockFile,
        done: &CompletedWork<'_>,
        offline: bool,
    ) -> BTreeMap<String, LockedStage> {
        let mut locked = lock.stages().map_or_else(BTreeMap::new, BTreeMap::clone);
        if done.whole && !offline {
            let stages = done.progress.graph.stages().chain(self.graph().stages());
            let names: BTreeSet<String> = stages.map(|(id, _)| id.to_string()).collect();
            locked.retain(|name, _| names.contains(name));
        }
        let is_new = |id: &StageId| !offline || done.progress.ran.contains(id);
        let all = *lock.state() != LockState::Sound;
        // In the order of the graph: a level's metrics come after its runs.
        for (id, manifest) in done.progress.manifests.iter().filter(|(id, _)| all || is_new(id)) {
            if manifest.cut_short.is_none() && rests_on_what_is_locked(id, manifest, &locked, done)
            {
                locked.insert(id.to_string(), locked_of(manifest));
            }
        }
        locked
    }

    /// Locks what is there, writes the reports, and reads the result if there is one.
    pub(super) fn finish(
        &self,
        context: &Context,
        previous: &mut Previous,
        done: &CompletedWork<'_>,
    ) -> Result<(Option<SizingResult>, Vec<PathBuf>), PipelineError> {
        if !context.services.store.is_read_only() {
            let locked = self.locked(&previous.lock, done, context.offline);
            previous.lock.replace(locked)?;
        }
        let manifests = &done.progress.manifests;
        let reports = self.write_reports(context, manifests)?;
        Ok((result(context, manifests)?, reports))
    }

    /// Puts the reports into the output folder, where they are not there already.
    fn write_reports(
        &self,
        context: &Context,
        manifests: &BTreeMap<StageId, Manifest>,
    ) -> Result<Vec<PathBuf>, PipelineError> {
        let dir = self.spec().output_dir();
        let mut paths = Vec::new();
        for (id, manifest) in manifests {
            let StageId::Render(name) = id else { continue };
            let path = dir.join(name);
            context.services.store.copy_to(&path, manifest)?;
            paths.push(path);
        }
        if !paths.is_empty() {
            note_written(self.spec(), &context.services.store)?;
        }
        Ok(paths)
    }
}

/// The result. Where a selection ends at the estimate it is known as well, and not kept.
fn result(
    context: &Context,
    manifests: &BTreeMap<StageId, Manifest>,
) -> Result<Option<SizingResult>, PipelineError> {
    let digests = manifests.iter().map(|(id, it)| (id.clone(), it.digest.clone())).collect();
    let artifacts = Artifacts::new(&context.services.store, digests);
    if manifests.contains_key(&StageId::Result) {
        return artifacts.result().map(Some);
    }
    let needed = [StageId::Expand, StageId::Estimate];
    if !needed.iter().all(|id| manifests.contains_key(id)) {
        return Ok(None);
    }
    assemble(&ResultSlice::of(&context.spec), ResultInputs::of(&artifacts)?).map(Some)
}

fn locked_of(manifest: &Manifest) -> LockedStage {
    LockedStage {
        key: manifest.key.clone(),
        digest: manifest.digest.clone(),
        size: manifest.size,
        tool: manifest.tool.clone(),
    }
}

/// Returns true if a stage agrees with the other locked ones: the dataset is locked with a level that was measured
/// with it, and metrics with the runs that they aggregate.
fn rests_on_what_is_locked(
    id: &StageId,
    manifest: &Manifest,
    locked: &BTreeMap<String, LockedStage>,
    done: &CompletedWork<'_>,
) -> bool {
    if !id.is_locked() {
        return false;
    }
    let inputs = &manifest.parts.inputs;
    if let Some(level) = id.level() {
        let of_level = |kind: &Kind| kind.stage(Distinction::Level(level));
        let own = id.of_kind().reads().iter().filter_map(of_level).map(|id| id.to_string());
        return own
            .map(|id| (locked.get(&id).map(|it| &it.digest), inputs.get(&id)))
            .all(|(locked, read)| locked.is_some() && locked == read);
    }
    let name = id.to_string();
    let mut sweeps = done.progress.manifests.iter().filter(|(id, _)| id.asks_a_server());
    let used = |(_, sweep): (_, &Manifest)| sweep.parts.inputs.get(&name) == Some(&manifest.digest);
    done.whole || !locked.contains_key(&name) || sweeps.any(used)
}
