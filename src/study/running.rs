//! A run under way: stage by stage, each kept the moment it is done.

use super::chosen::Chosen;
use super::context::Context;
use super::graph::Graph;
use super::keys::{Candidate, Found, Last, cut_short_key, look_up};
use super::made::Made;
use super::stage_id::StageId;
use super::stages::{Artifacts, CutShort, Product};
use super::{Pipeline, PipelineError, Reason, Selection, StageReport};
use crate::load::LoadError;
use crate::measure::Failure;
use crate::store::{Content, Digest, Key, Manifest, Parts};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;
use tracing::{debug, info};

/// A run under way.
pub(super) struct Running<'a> {
    pub pipeline: &'a Pipeline,
    pub context: &'a Context<'a>,
    pub made: &'a Made,
    pub selection: Selection,
    /// All stages; where levels are adaptive, as far as they are known.
    pub graph: Graph,
    /// The keys that the stages had last, with those of this run.
    pub latest: BTreeMap<String, Key>,
    pub chosen: Chosen,
    pub keep_going: bool,
    /// Stages whose artifacts are there.
    pub manifests: BTreeMap<StageId, Manifest>,
    /// Stages that failed, or that cannot run for want of one that did.
    pub missing: BTreeSet<StageId>,
    /// Stages that were made, and not found.
    pub ran: BTreeSet<StageId>,
    /// The outcomes of the selected stages.
    pub reports: Vec<StageReport>,
}

impl Running<'_> {
    /// Goes through the needed stages among `these`; the first failure is the one returned.
    pub(super) async fn all(
        &mut self,
        last: &Last,
        these: impl Fn(&StageId) -> bool,
    ) -> Result<(), PipelineError> {
        let mut first_failure = Ok(());
        let graph = self.graph.clone();
        for (id, needs) in graph.stages() {
            let done = self.manifests.contains_key(id) || self.missing.contains(id);
            if done || !these(id) || !self.chosen.needed.contains(id) {
                continue;
            }
            if self.context.services.cancel.is_cancelled() {
                return Err(self.cancelled());
            }
            if needs.iter().any(|need| self.missing.contains(*need)) {
                self.missing.insert(id.clone());
                continue;
            }
            match self.one(id, &needs, last).await {
                Ok(()) => {}
                Err(error @ PipelineError::Cancelled { .. }) => return Err(error),
                Err(error) if self.keep_going => {
                    self.context.services.observer.stage_failed(id, &error);
                    self.missing.insert(id.clone());
                    first_failure = first_failure.and(Err(error));
                }
                Err(error) => return Err(error),
            }
        }
        first_failure
    }

    async fn one(
        &mut self,
        id: &StageId,
        needs: &[&StageId],
        last: &Last,
    ) -> Result<(), PipelineError> {
        let began = Instant::now();
        let digest = |need: &StageId| Some(self.manifests.get(need)?.digest.clone());
        let inputs: BTreeMap<StageId, Digest> =
            needs.iter().filter_map(|need| Some(((*need).clone(), digest(need)?))).collect();
        let look = || look_up(self.context, last, id, &inputs, &self.chosen);
        let mut candidate = look()?;
        let mut turn = None;
        if let Found::Nothing(_) = candidate.found {
            let mine = self.made.turn(&candidate.key).await;
            // Another branch may have made it meanwhile.
            candidate = look()?;
            // One that has too few runs for this branch may be what another has just made.
            let few = matches!(candidate.found, Found::Nothing(Reason::FewRuns));
            if *mine && !few {
                candidate = candidate.made_in_this_run(self.context);
            }
            turn = Some(mine);
        }
        let Candidate { key, parts, task, found } = candidate;
        let (manifest, ran) = match found {
            Found::Artifact(manifest) => {
                debug!("{id}: there, key {}", manifest.key);
                (manifest, None)
            }
            Found::Nothing(reason) => {
                debug!("{id}: not there, key {key}: {reason}");
                self.may_run(id, &reason)?;
                if reason == Reason::Damaged {
                    self.context.services.store.discard_damaged(&key);
                }
                info!("{id}: begins");
                self.context.services.observer.stage_started(id);
                let artifacts = Artifacts::new(&self.context.services.store, inputs);
                let product = match task.run(&artifacts, &self.context.services).await {
                    Err(PipelineError::Load { error: LoadError::Cancelled, .. }) => {
                        return Err(self.cancelled());
                    }
                    product => product?,
                };
                let Product { content, cut_short } = product;
                let manifest = match cut_short {
                    Some(CutShort::Gone(failure)) => {
                        self.keep_cut_short(id, parts, &content, &failure)?;
                        let stage = Some(id.clone());
                        return Err(PipelineError::Unreachable { stage, kept: true, failure });
                    }
                    Some(CutShort::Untaken(failure)) => {
                        self.context.services.observer.notice(&format!(
                            "{id}: the server took none of the runs ({failure}); the next run measures it again"
                        ));
                        self.keep_cut_short(id, parts, &content, &failure)?
                    }
                    None => {
                        let store = &self.context.services.store;
                        let manifest = store.keep(&id.to_string(), key, parts, &content, None)?;
                        store.settle(&manifest.key)?;
                        self.ran.insert(id.clone());
                        if let Some(made) = &mut turn {
                            **made = true;
                        }
                        manifest
                    }
                };
                (manifest, Some(reason))
            }
        };
        if ran.is_some() {
            info!(
                "{id}: ends after {:?}, {} bytes under key {}",
                began.elapsed(),
                manifest.size,
                manifest.key
            );
        }
        self.latest.insert(id.to_string(), manifest.key.clone());
        if ran.is_some() {
            // At once: were this process killed now, the next run could say what changed since,
            // and garbage collection would spare the artifact.
            self.write_latest()?;
        }
        if self.chosen.wanted.contains(id) {
            let (digest, elapsed) = (manifest.digest.clone(), began.elapsed());
            let report = StageReport { id: id.clone(), ran, digest, elapsed };
            self.context.services.observer.stage_done(&report);
            self.reports.push(report);
        }
        self.manifests.insert(id.clone(), manifest);
        Ok(())
    }

    /// Keeps what is no measurement to build on beside whatever was measured whole: it may bound an
    /// estimate, and is measured again.
    fn keep_cut_short(
        &mut self,
        id: &StageId,
        parts: Parts,
        content: &Content,
        failure: &Failure,
    ) -> Result<Manifest, PipelineError> {
        let (name, key) = (id.to_string(), cut_short_key(id, &parts));
        let why = Some(failure.to_string());
        let manifest = self.context.services.store.keep(&name, key, parts, content, why)?;
        self.latest.insert(name, manifest.key.clone());
        self.write_latest()?;
        Ok(manifest)
    }

    /// Writes down what all stages were last, unless that stands there already. A run in which
    /// everything was there counts too: it is what the spec says now.
    pub(super) fn remember(&self, before: &BTreeMap<String, Key>) -> Result<(), PipelineError> {
        if *before == self.latest { Ok(()) } else { self.write_latest() }
    }

    fn write_latest(&self) -> Result<(), PipelineError> {
        Ok(self.context.services.store.set_latest(&self.pipeline.spec.key_name(), &self.latest)?)
    }

    fn may_run(&self, id: &StageId, reason: &Reason) -> Result<(), PipelineError> {
        let why = if !self.chosen.wanted.contains(id) {
            "it was not selected to be made; select it too, or run without a selection once"
        } else if self.context.offline
            && *id == StageId::Expand
            && !self.context.files.dataset_path().is_file()
        {
            "no dataset is downloaded here; an online `sizer run` does that"
        } else if self.context.offline
            && id.asks_a_server()
            && self.context.spec.workflow.recorded().is_none()
        {
            "nothing is measured here; an online `sizer run` does that"
        } else {
            return Ok(());
        };
        Err(PipelineError::Missing { stage: id.clone(), reason: reason.clone(), why })
    }

    fn cancelled(&self) -> PipelineError {
        let levels = self.manifests.keys().filter(|id| matches!(id, StageId::Sweep(_))).count();
        PipelineError::Cancelled { levels }
    }
}
