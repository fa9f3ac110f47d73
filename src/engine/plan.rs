//! The plan of a run: the stages that would run, with reasons.

use super::cache_lookup::{CacheLookup, known_inputs, look_up};
use super::graph::Graph;
use super::host::Host;
use super::previous::Previous;
use super::reason::Reason;
use super::resolved_selection::ResolvedSelection;
use crate::store::{Digest, Key};
use std::collections::BTreeMap;

/// The status of a stage in a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(unnameable_types, reason = "its alias in `study` is its public name")]
#[non_exhaustive]
pub enum Status<I, A> {
    /// Its artifact is there.
    Cached,
    /// It would run, for this reason.
    Run(Reason<I, A>),
    /// It cannot run, since a stage that it needs has no artifact and is not selected.
    Blocked(Reason<I, A>),
}

impl<I, A> Status<I, A> {
    /// One word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Cached => "cached",
            Self::Run(_) => "run",
            Self::Blocked(_) => "blocked",
        }
    }

    /// The reason, unless the artifact is there.
    pub fn reason(&self) -> Option<&Reason<I, A>> {
        match self {
            Self::Cached => None,
            Self::Run(reason) | Self::Blocked(reason) => Some(reason),
        }
    }
}

/// One stage of a plan.
#[derive(Clone, Debug)]
#[expect(unnameable_types, reason = "its alias in `study` is its public name")]
#[non_exhaustive]
pub struct PlannedStage<I, A> {
    /// The stage.
    pub id: I,
    /// Its status.
    pub status: Status<I, A>,
    /// Its artifact, if it is there.
    pub digest: Option<Digest>,
    /// Its key, if all inputs are known.
    pub key: Option<Key>,
}

/// The selected stages, in the order in which they would run.
#[derive(Clone, Debug)]
#[expect(unnameable_types, reason = "its alias in `study` is its public name")]
#[non_exhaustive]
pub struct Plan<I, A> {
    /// The stages.
    pub stages: Vec<PlannedStage<I, A>>,
}

/// Plans a run of what was chosen of a graph. Reads the store; changes nothing.
pub(crate) fn plan<H: Host>(
    host: &H,
    previous: &Previous,
    graph: &Graph<H::Id>,
    chosen: &ResolvedSelection<H::Id>,
) -> Result<Plan<H::Id, H::RemakeReason>, H::Error> {
    let mut known: BTreeMap<&H::Id, Digest> = BTreeMap::new();
    // Stages without an artifact, and whether they are blocked.
    let mut missing: BTreeMap<&H::Id, bool> = BTreeMap::new();
    let mut stages = Vec::new();
    for (id, needs) in graph.stages().filter(|(id, _)| chosen.needed.contains(id)) {
        let open: Vec<H::Id> = needs
            .iter()
            .filter(|need| missing.contains_key(**need))
            .map(|id| (*id).clone())
            .collect();
        let blocked = open.iter().any(|need| missing.get(need) == Some(&true));
        let wanted = chosen.wanted.contains(id);
        let mut key = None;
        let status = if open.is_empty() {
            let inputs = known_inputs(&needs, &known);
            let candidate = look_up(host, previous, id, &inputs, chosen)?;
            key = Some(candidate.key);
            match candidate.found {
                CacheLookup::Hit(manifest) => {
                    known.insert(id, manifest.digest);
                    Status::Cached
                }
                CacheLookup::Miss(reason) if wanted => Status::Run(reason),
                CacheLookup::Miss(reason) => Status::Blocked(reason),
            }
        } else if blocked || !wanted {
            Status::Blocked(Reason::Needs(open))
        } else {
            Status::Run(Reason::Needs(open))
        };
        let is_cached = status == Status::Cached;
        if !is_cached {
            missing.insert(id, matches!(status, Status::Blocked(_)));
        }
        // What was not selected is worth a line only where it stands in the way.
        if wanted || !is_cached {
            let digest = known.get(id).cloned();
            stages.push(PlannedStage { id: id.clone(), status, digest, key });
        }
    }
    Ok(Plan { stages })
}
