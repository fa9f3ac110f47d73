//! Looking a stage up in the store by its key, and the reason if its artifact cannot be used.

use super::chosen::Chosen;
use super::context::Context;
use super::graph_level::GraphLevel;
use super::stage_id::StageId;
use super::stages::{DatasetSlice, Task, stage};
use super::{PipelineError, Reason};
use crate::spec::Spec;
use crate::store::{Digest, Key, LockFile, Manifest, Parts, Store, key_of};
use serde_json::Value;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The previous keys of a spec's stages: of its last run here, otherwise of the lock file.
pub(super) struct Last {
    pub lock: LockFile,
    pub latest: BTreeMap<String, Key>,
}

impl Last {
    pub fn of(spec: &Spec, store: &Store) -> Self {
        let name = spec.key_name();
        Self { lock: LockFile::beside(spec.base_dir(), &name), latest: store.latest(&name) }
    }

    fn key(&self, id: &StageId) -> Option<&Key> {
        let name = id.to_string();
        self.latest.get(&name).or_else(|| self.lock.get(&name).map(|locked| &locked.key))
    }
}

/// A stage whose inputs are all known.
pub(super) struct Candidate {
    pub key: Key,
    pub parts: Parts,
    /// The stage that makes it, with its slice.
    pub task: Box<dyn Task>,
    pub found: Found,
}

impl Candidate {
    /// Uses the artifact that another branch of this run made, even if the stage is forced.
    pub fn made_in_this_run(mut self, context: &Context<'_>) -> Self {
        let manifest = context.services.store.manifest(&self.key);
        if let Some(manifest) = manifest.filter(|it| context.services.store.is_sound(&it.digest)) {
            self.found = Found::Artifact(manifest);
        }
        self
    }
}

/// The outcome of a look-up.
pub(super) enum Found {
    /// It is there and sound.
    Artifact(Manifest),
    /// There is none that can be used, for this reason; the stage has to run.
    Nothing(Reason),
}

/// The digests of what a stage needs, as far as they are known.
pub(super) fn known_inputs(
    needs: &[&StageId],
    known: &BTreeMap<&StageId, Digest>,
) -> BTreeMap<StageId, Digest> {
    let known = |need: &&StageId| Some(((*need).clone(), known.get(*need)?.clone()));
    needs.iter().filter_map(known).collect()
}

/// Looks a stage up by everything that it reads.
pub(super) fn look_up(
    context: &Context<'_>,
    last: &Last,
    id: &StageId,
    inputs: &BTreeMap<StageId, Digest>,
    chosen: &Chosen,
) -> Result<Candidate, PipelineError> {
    let task = stage(id, context)?;
    let inputs = inputs.iter().map(|(id, digest)| (id.to_string(), digest.clone())).collect();
    let parts = Parts { version: task.version(), reads: task.reads(), inputs };
    let key = key_of(&id.to_string(), &parts);
    let owed = context.services.store.is_owed(&key);
    // Offline, what is there has to do.
    let forced = chosen.forced.contains(id) || (owed && !context.offline);
    let planned = match id {
        StageId::Sweep(concurrency) if !forced => context.planned(*concurrency),
        _ => None,
    };
    match planned {
        Some(GraphLevel { again: Some(reason), .. }) => {
            return Ok(Candidate { key, parts, task, found: Found::Nothing(reason) });
        }
        // Whatever plan it was measured for, and so under whatever key.
        Some(GraphLevel { known: Some(known), .. }) => {
            let Manifest { key, parts, .. } = known.manifest.clone();
            let found = Found::Artifact(known.manifest.clone());
            return Ok(Candidate { key, parts, task, found });
        }
        _ => {}
    }
    // Nothing else ends where a server is gone.
    let cut_short = || {
        let key = id.asks_a_server().then(|| cut_short_key(id, &parts))?;
        context
            .services
            .store
            .manifest(&key)
            .filter(|it| context.services.store.is_sound(&it.digest))
    };
    let found = match context.services.store.manifest(&key) {
        _ if chosen.forced.contains(id) => Found::Nothing(Reason::Forced),
        _ if forced => Found::Nothing(Reason::Owed),
        Some(_) if owed && let Some(cut_short) = cut_short() => Found::Artifact(cut_short),
        Some(manifest) if context.services.store.is_sound(&manifest.digest) => {
            Found::Artifact(manifest)
        }
        Some(_) => Found::Nothing(Reason::Damaged),
        None if context.services.store.has_manifest(&key) => Found::Nothing(Reason::Damaged),
        None => match cut_short() {
            Some(manifest) if context.offline => Found::Artifact(manifest),
            Some(_) => Found::Nothing(Reason::CutShort),
            None => Found::Nothing(why_new(context, last, id, &parts)),
        },
    };
    Ok(Candidate { key, parts, task, found })
}

/// The key of a recording that ends where the server was gone. It has one of its own: what was measured
/// whole under the stage's key stays.
pub(super) fn cut_short_key(id: &StageId, parts: &Parts) -> Key {
    key_of(&format!("{id} cut short"), parts)
}

/// Compares a stage with what was locked for it last.
fn why_new(context: &Context<'_>, last: &Last, id: &StageId, parts: &Parts) -> Reason {
    let Some(key) = last.key(id) else { return Reason::NeverRan };
    let Some(before) = context.services.store.manifest(key) else { return Reason::NotInStore };
    if before.parts.version != parts.version {
        return Reason::NewVersion;
    }
    let mut changes = Vec::new();
    differences("", &before.parts.reads, &parts.reads, &mut changes);
    if !changes.is_empty() {
        if *id == StageId::Expand {
            say_how_many_rows(context, &before, &mut changes);
        }
        return Reason::Changed(changes);
    }
    let names = before.parts.inputs.keys().chain(parts.inputs.keys());
    let mut changed: Vec<String> = names
        .filter(|name| before.parts.inputs.get(*name) != parts.inputs.get(*name))
        .cloned()
        .collect();
    changed.sort();
    changed.dedup();
    if changed.is_empty() { Reason::Damaged } else { Reason::InputsChanged(changed) }
}

/// Adds to "content changed" what became of the number of rows, as far as both can be read.
fn say_how_many_rows(context: &Context<'_>, before: &Manifest, changes: &mut [String]) {
    let Some(change) = changes.iter_mut().find(|it| it.ends_with("content changed")) else {
        return;
    };
    let rows = |bytes: Vec<u8>| memchr::memchr_iter(b'\n', &bytes).count();
    let Ok(before) = context.services.store.read(&before.digest).map(rows) else { return };
    let mut now = 0_usize;
    let mut count = |_| {
        now += 1;
        Ok(())
    };
    if context.spec.workflow.recorded().is_some()
        || DatasetSlice::of(&context.files).and_then(|it| it.rows(&mut count)).is_err()
    {
        return;
    }
    let named = |rows: usize| if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
    let what = match now.cmp(&before) {
        Ordering::Greater => format!("{} added", named(now - before)),
        Ordering::Less => format!("{} fewer", named(before - now)),
        Ordering::Equal => format!("{} as before", named(now)),
    };
    *change = format!("{change}: {what}");
}

/// The dotted paths at which two values differ, with both values.
pub(super) fn differences(path: &str, before: &Value, now: &Value, found: &mut Vec<String>) {
    if before == now {
        return;
    }
    if let (Value::Object(before), Value::Object(now)) = (before, now) {
        let mut keys: Vec<&String> = before.keys().chain(now.keys()).collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let get =
                |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
            differences(&path, &get(before), &get(now), found);
        }
        return;
    }
    found.push(if path.ends_with("content") {
        format!("{path} changed")
    } else {
        format!("{path}: {} → {}", brief(before), brief(now))
    });
}

/// A value, cut where it is too long for a line.
fn brief(value: &Value) -> String {
    const LONGEST: usize = 40;
    let text = match value {
        Value::Null => "not set".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.chars().count() > LONGEST {
        format!("{}…", text.chars().take(LONGEST).collect::<String>())
    } else {
        text
    }
}
