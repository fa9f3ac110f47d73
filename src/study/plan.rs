//! The plan of a run: the stages that would run, with reasons.

use super::context::Context;
use super::keys::{Found, Last, known_inputs, look_up};
use super::stage_id::StageId;
use super::{Pipeline, PipelineError, Reason, Selection};
use crate::store::{Digest, Key};
use std::collections::BTreeMap;

/// The status of a stage in a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Its artifact is there.
    Cached,
    /// It would run, for this reason.
    Run(Reason),
    /// It cannot run, since a stage that it needs has no artifact and is not selected.
    Blocked(Reason),
}

impl Status {
    /// One word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Cached => "cached",
            Self::Run(_) => "run",
            Self::Blocked(_) => "blocked",
        }
    }

    /// The reason, unless the artifact is there.
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Cached => None,
            Self::Run(reason) | Self::Blocked(reason) => Some(reason),
        }
    }
}

/// One stage of a plan.
#[derive(Clone, Debug)]
pub struct PlannedStage {
    /// The stage.
    pub id: StageId,
    /// Its status.
    pub status: Status,
    /// Its artifact, if it is there.
    pub digest: Option<Digest>,
    /// Its key, if all inputs are known.
    pub key: Option<Key>,
}

/// The selected stages, in the order in which they would run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The stages.
    pub stages: Vec<PlannedStage>,
}

impl Pipeline {
    /// Says what a run would do. Reads the spec's files and the store; changes nothing, asks no
    /// server.
    pub fn plan(&self, selection: &Selection) -> Result<Plan, PipelineError> {
        selection.check(std::slice::from_ref(self))?;
        self.plan_checked(selection, false)
    }

    /// Plans a selection that is known to mean something, here or in another branch: for a run that may ask
    /// the server, or for one that has to do with what is there.
    pub(super) fn plan_checked(
        &self,
        selection: &Selection,
        offline: bool,
    ) -> Result<Plan, PipelineError> {
        let chosen = selection.choose(&self.graph, self.spec.branch());
        let context = Context::at_rest(&self.spec, &self.graph).offline(offline);
        let last = Last::of(&self.spec, &context.services.store);
        let mut known: BTreeMap<&StageId, Digest> = BTreeMap::new();
        let mut missing: BTreeMap<&StageId, Status> = BTreeMap::new();
        let mut stages = Vec::new();
        for (id, needs) in self.graph.stages().filter(|(id, _)| chosen.needed.contains(id)) {
            let open: Vec<StageId> = needs
                .iter()
                .filter(|need| missing.contains_key(**need))
                .map(|id| (*id).clone())
                .collect();
            let blocked =
                open.iter().any(|need| matches!(missing.get(need), Some(Status::Blocked(_))));
            let wanted = chosen.wanted.contains(id);
            let mut key = None;
            let status = if open.is_empty() {
                let inputs = known_inputs(&needs, &known);
                let candidate = look_up(&context, &last, id, &inputs, &chosen)?;
                key = Some(candidate.key);
                match candidate.found {
                    Found::Artifact(manifest) => {
                        known.insert(id, manifest.digest);
                        Status::Cached
                    }
                    Found::Nothing(reason) if wanted => Status::Run(reason),
                    Found::Nothing(reason) => Status::Blocked(reason),
                }
            } else if blocked || !wanted {
                Status::Blocked(Reason::Needs(open))
            } else {
                Status::Run(Reason::Needs(open))
            };
            if status != Status::Cached {
                missing.insert(id, status.clone());
            }
            // What was not selected is worth a line only where it stands in the way.
            if wanted || status != Status::Cached {
                let digest = known.get(id).cloned();
                stages.push(PlannedStage { id: id.clone(), status, digest, key });
            }
        }
        Ok(Plan { stages })
    }
}
