//! The record of forced stages, written before any of them runs. If the run were stopped without it, the old
//! artifacts would pass for current ones.

use super::cache_lookup::{CacheLookup, known_inputs, look_up};
use super::graph::Graph;
use super::host::Host;
use super::previous::Previous;
use super::resolved_selection::ResolvedSelection;
use crate::store::Digest;
use std::collections::{BTreeMap, BTreeSet};

/// Notes the keys of all stages that are forced, as far as they are known now. Of the others something
/// that they need is not there or will be another; then they have to run anyway.
pub(crate) fn note_forced<H: Host>(
    host: &H,
    previous: &Previous,
    graph: &Graph<H::Id>,
    chosen: &ResolvedSelection<H::Id>,
) -> Result<(), H::Error> {
    let (mut known, mut keys) = (BTreeMap::<&H::Id, Digest>::new(), BTreeSet::new());
    for (id, needs) in graph.stages().filter(|(id, _)| chosen.needed.contains(id)) {
        if needs.iter().any(|need| !known.contains_key(*need)) {
            continue;
        }
        let inputs = known_inputs(&needs, &known);
        if chosen.forced.contains(id) {
            keys.insert(look_up(host, previous, id, &inputs, chosen)?.key);
        }
        let there = look_up(host, previous, id, &inputs, &ResolvedSelection::nothing())?;
        if let CacheLookup::Hit(manifest) = there.found {
            known.insert(id, manifest.digest);
        }
    }
    Ok(host.store().owe(&keys)?)
}
