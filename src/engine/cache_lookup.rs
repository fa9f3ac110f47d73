//! Looking a stage up in the store by its key, and the reason if its artifact cannot be used.

use super::difference::differences;
use super::host::{Host, ReasonOf, Substitute};
use super::previous::Previous;
use super::reason::Reason;
use super::resolved_selection::ResolvedSelection;
use super::task::Task;
use crate::store::{Digest, Key, Manifest, Parts, Store, key_of};
use std::collections::BTreeMap;

/// A stage whose inputs are all known.
pub(crate) struct Candidate<H: Host> {
    /// Its key.
    pub key: Key,
    /// All that the key hashes.
    pub parts: Parts,
    /// The stage that makes it, with its slice.
    pub task: H::Task,
    /// The outcome of looking it up.
    pub found: CacheLookup<H>,
}

impl<H: Host> Candidate<H> {
    /// Uses the artifact that was made under the same key in this run, even if the stage is forced.
    pub(super) fn made_in_this_run(mut self, store: &Store) -> Self {
        if let Some(manifest) = sound(store, &self.key) {
            self.found = CacheLookup::Hit(Box::new(manifest));
        }
        self
    }
}

/// The outcome of a look-up.
pub(crate) enum CacheLookup<H: Host> {
    /// It is there and sound.
    Hit(Box<Manifest>),
    /// There is none that can be used, for this reason; the stage has to run.
    Miss(ReasonOf<H>),
}

/// The digests of what a stage needs, as far as they are known.
pub(super) fn known_inputs<I: Ord + Clone>(
    needs: &[&I],
    known: &BTreeMap<&I, Digest>,
) -> BTreeMap<I, Digest> {
    let known = |need: &&I| Some(((*need).clone(), known.get(*need)?.clone()));
    needs.iter().filter_map(known).collect()
}

/// Looks a stage up by everything that it reads.
pub(crate) fn look_up<H: Host>(
    host: &H,
    previous: &Previous,
    id: &H::Id,
    inputs: &BTreeMap<H::Id, Digest>,
    chosen: &ResolvedSelection<H::Id>,
) -> Result<Candidate<H>, H::Error> {
    let (task, store) = (host.task(id)?, host.store());
    let inputs = inputs.iter().map(|(id, digest)| (id.to_string(), digest.clone())).collect();
    let parts = Parts { version: task.version(), reads: task.reads(), inputs };
    let key = key_of(&id.to_string(), &parts);
    let owed = store.is_owed(&key);
    let makes_do = host.is_content_with_what_is_there();
    let forced = chosen.forced.contains(id) || (owed && !makes_do);
    match if forced { None } else { host.substitute(id) } {
        Some(Substitute { again: Some(reason), .. }) => {
            let found = CacheLookup::Miss(Reason::Again(reason));
            return Ok(Candidate { key, parts, task, found });
        }
        // Whatever it was made for, and so under whatever key.
        Some(Substitute { manifest: Some(manifest), .. }) => {
            let (key, parts) = (manifest.key.clone(), manifest.parts.clone());
            return Ok(Candidate { key, parts, task, found: CacheLookup::Hit(Box::new(manifest)) });
        }
        _ => {}
    }
    let cut_short = || {
        let can_be = host.can_be_cut_short(id);
        can_be.then(|| cut_short_key(&id.to_string(), &parts)).and_then(|key| sound(store, &key))
    };
    let found = match store.manifest(&key) {
        _ if chosen.forced.contains(id) => CacheLookup::Miss(Reason::Forced),
        _ if forced => CacheLookup::Miss(Reason::Owed),
        Some(_) if owed && let Some(cut_short) = cut_short() => {
            CacheLookup::Hit(Box::new(cut_short))
        }
        Some(manifest) if store.is_sound(&manifest.digest) => CacheLookup::Hit(Box::new(manifest)),
        Some(_) => CacheLookup::Miss(Reason::Damaged),
        None if store.has_manifest(&key) => CacheLookup::Miss(Reason::Damaged),
        None => match cut_short() {
            Some(manifest) if makes_do => CacheLookup::Hit(Box::new(manifest)),
            Some(_) => CacheLookup::Miss(Reason::CutShort),
            None => CacheLookup::Miss(why_new(host, previous, id, &parts)),
        },
    };
    Ok(Candidate { key, parts, task, found })
}

fn sound(store: &Store, key: &Key) -> Option<Manifest> {
    store.manifest(key).filter(|it| store.is_sound(&it.digest))
}

/// The key of an artifact that was cut short. It differs from the stage's key, so that a complete artifact under that
/// one is kept.
pub(super) fn cut_short_key(stage: &str, parts: &Parts) -> Key {
    key_of(&format!("{stage} cut short"), parts)
}

/// Compares a stage with what was locked for it last.
fn why_new<H: Host>(host: &H, previous: &Previous, id: &H::Id, parts: &Parts) -> ReasonOf<H> {
    let Some(key) = previous.key(&id.to_string()) else { return Reason::NeverRan };
    let Some(before) = host.store().manifest(key) else { return Reason::NotInStore };
    if before.parts.version != parts.version {
        return Reason::NewVersion;
    }
    let mut changes = Vec::new();
    differences("", &before.parts.reads, &parts.reads, &mut changes);
    if !changes.is_empty() {
        host.explain(id, &before, &mut changes);
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
