//! Comparison of spec, lock file, store and reports.

use super::chosen::Chosen;
use super::context::Context;
use super::keys::{Found, Last, known_inputs, look_up};
use super::stage_id::StageId;
use super::{Pipeline, PipelineError, Reason, Selection};
use crate::store::{Digest, LockState, Manifest};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// The state of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Spec, lock file and store agree.
    Current,
    /// The lock file is right about the spec; the artifact is elsewhere.
    NotHere,
    /// The artifact is here, but not what the lock file says.
    Damaged,
    /// The artifact is here, and the lock file does not know it.
    NotLocked,
    /// The spec, or what the stage needs, has changed since, or it never ran.
    Stale(Reason),
    /// The lock file knows a stage that the spec no longer has.
    Left,
    /// The report is in the store, and not in the output folder.
    NotWritten,
    /// The report is in the store, and in the output folder there is another in its place.
    Replaced,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => f.write_str("current"),
            Self::NotHere => f.write_str("locked, but not in this store"),
            Self::Damaged => f.write_str("damaged"),
            Self::NotLocked => f.write_str("in the store, but not locked"),
            Self::Stale(reason) => write!(f, "stale: {reason}"),
            Self::Left => f.write_str("locked, but no longer in the spec"),
            Self::NotWritten => {
                f.write_str("made, but not in the output folder; `sizer render` writes it")
            }
            Self::Replaced => f.write_str(
                "another file is in its place in the output folder; `sizer render` writes it again",
            ),
        }
    }
}

/// One stage's status.
#[derive(Clone, Debug)]
pub struct StageStatus {
    /// The stage's name.
    pub stage: String,
    /// Its state.
    pub state: State,
}

impl Pipeline {
    /// Compares spec, lock file and store. An artifact that is locked but not here still serves
    /// as what later stages need: a colleague's lock file can be checked without their store.
    pub fn status(&self) -> Result<(LockState, Vec<StageStatus>), PipelineError> {
        let context = Context::at_rest(&self.spec, &self.graph);
        let last = Last::of(&self.spec, &context.services.store);
        let chosen = Selection::default().choose(&self.graph, self.spec.branch());
        let mut known: BTreeMap<&StageId, Digest> = BTreeMap::new();
        let mut report = Vec::new();
        for (id, needs) in self.graph.stages() {
            let open: Vec<StageId> = needs
                .iter()
                .filter(|need| !known.contains_key(**need))
                .map(|need| (*need).clone())
                .collect();
            let state = if open.is_empty() {
                let inputs = known_inputs(&needs, &known);
                let (state, digest) = state_of(&context, &last, id, &inputs, &chosen)?;
                known.extend(digest.map(|digest| (id, digest)));
                state
            } else {
                State::Stale(Reason::Needs(open))
            };
            report.push(StageStatus { stage: id.to_string(), state });
        }
        let names: Vec<String> = report.iter().map(|status| status.stage.clone()).collect();
        let locked = last.lock.stages().into_iter().flat_map(BTreeMap::keys);
        report.extend(
            locked
                .filter(|stage| !names.contains(stage))
                .map(|stage| StageStatus { stage: stage.clone(), state: State::Left }),
        );
        Ok((last.lock.state().clone(), report))
    }
}

/// A stage's state, and the digest that stands for its artifact.
fn state_of(
    context: &Context<'_>,
    last: &Last,
    id: &StageId,
    inputs: &BTreeMap<StageId, Digest>,
    chosen: &Chosen,
) -> Result<(State, Option<Digest>), PipelineError> {
    let candidate = look_up(context, last, id, inputs, chosen)?;
    let locked = last.lock.get(&id.to_string()).filter(|locked| locked.key == candidate.key);
    Ok(match (candidate.found, locked) {
        (Found::Artifact(manifest), Some(locked)) if manifest.digest == locked.digest => {
            (State::Current, Some(manifest.digest))
        }
        (Found::Artifact(manifest), _) if id.is_locked() => {
            (State::NotLocked, Some(manifest.digest))
        }
        (Found::Artifact(manifest), _) => {
            let state = match id {
                StageId::Render(name) => {
                    report_state(&context.spec.output_dir().join(name), &manifest)
                }
                _ => State::Current,
            };
            (state, Some(manifest.digest))
        }
        // It is there and sound; the plan wants more of it.
        (Found::Nothing(reason), _) if reason.is_to_be_made_all_the_same() => {
            (State::Stale(reason), None)
        }
        (Found::Nothing(_), Some(locked)) if context.services.store.has(&locked.digest) => {
            (State::Damaged, Some(locked.digest.clone()))
        }
        (Found::Nothing(_), Some(locked)) => (State::NotHere, Some(locked.digest.clone())),
        (Found::Nothing(reason), None) => (State::Stale(reason), None),
    })
}

/// The state of a report in the output folder.
fn report_state(path: &Path, manifest: &Manifest) -> State {
    match std::fs::File::open(path).and_then(Digest::of_reader) {
        Ok(digest) if digest == manifest.digest => State::Current,
        Ok(_) => State::Replaced,
        Err(_) => State::NotWritten,
    }
}
