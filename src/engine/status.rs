//! Comparison of what stages read now with the lock file and the store.

use super::cache_lookup::{CacheLookup, known_inputs, look_up};
use super::graph::Graph;
use super::host::{Host, StateOf, StatusOf};
use super::previous::Previous;
use super::reason::Reason;
use super::resolved_selection::ResolvedSelection;
use super::state::{StageStatus, State};
use crate::store::Digest;
use std::collections::BTreeMap;

/// Compares all stages with lock file and store. An artifact that is locked but not here still serves
/// as what later stages need: a colleague's lock file can be checked without their store.
pub(crate) fn status<H: Host>(
    host: &H,
    previous: &Previous,
    graph: &Graph<H::Id>,
    chosen: &ResolvedSelection<H::Id>,
) -> Result<Vec<StatusOf<H>>, H::Error> {
    let mut known: BTreeMap<&H::Id, Digest> = BTreeMap::new();
    let mut all = Vec::new();
    for (id, needs) in graph.stages() {
        let open: Vec<H::Id> = needs
            .iter()
            .filter(|need| !known.contains_key(**need))
            .map(|need| (*need).clone())
            .collect();
        let state = if open.is_empty() {
            let inputs = known_inputs(&needs, &known);
            let (state, digest) = state_of(host, previous, id, &inputs, chosen)?;
            known.extend(digest.map(|digest| (id, digest)));
            state
        } else {
            State::Stale(Reason::Needs(open))
        };
        all.push(StageStatus { stage: id.to_string(), state });
    }
    let names: Vec<String> = all.iter().map(|status| status.stage.clone()).collect();
    let locked = previous.lock.stages().into_iter().flat_map(BTreeMap::keys);
    all.extend(
        locked
            .filter(|stage| !names.contains(stage))
            .map(|stage| StageStatus { stage: stage.clone(), state: State::Left }),
    );
    Ok(all)
}

/// A stage's state, and the digest that stands for its artifact.
fn state_of<H: Host>(
    host: &H,
    previous: &Previous,
    id: &H::Id,
    inputs: &BTreeMap<H::Id, Digest>,
    chosen: &ResolvedSelection<H::Id>,
) -> Result<(StateOf<H>, Option<Digest>), H::Error> {
    let candidate = look_up(host, previous, id, inputs, chosen)?;
    let locked = previous.lock.get(&id.to_string()).filter(|locked| locked.key == candidate.key);
    Ok(match (candidate.found, locked) {
        (CacheLookup::Hit(manifest), Some(locked)) if manifest.digest == locked.digest => {
            (State::Current, Some(manifest.digest))
        }
        (CacheLookup::Hit(manifest), _) if host.is_locked(id) => {
            (State::NotLocked, Some(manifest.digest))
        }
        (CacheLookup::Hit(manifest), _) => {
            (host.state_of_unlocked(id, &manifest), Some(manifest.digest))
        }
        // It is there and sound; the plan wants more of it.
        (CacheLookup::Miss(reason), _) if reason.is_to_be_made_all_the_same() => {
            (State::Stale(reason), None)
        }
        (CacheLookup::Miss(_), Some(locked)) if host.store().has(&locked.digest) => {
            (State::Damaged, Some(locked.digest.clone()))
        }
        (CacheLookup::Miss(_), Some(locked)) => (State::NotHere, Some(locked.digest.clone())),
        (CacheLookup::Miss(reason), None) => (State::Stale(reason), None),
    })
}
