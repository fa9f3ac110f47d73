//! Running a pipeline: stage by stage, each kept the moment it is done.

use super::adaptive::{plan_step, search_of};
use super::context::Context;
use super::diary::Diary;
use super::graph::{Graph, GraphLevel, StageId};
use super::keys::{Candidate, Found, Last, look_up};
use super::known::known_levels;
use super::made::Made;
use super::observer::Silent;
use super::outputs::check_outputs;
use super::select::Chosen;
use super::stages::{Artifacts, assemble, stage};
use super::{CancellationToken, Observer, Pipeline, PipelineError, Reason, Selection};
use crate::load::LoadError;
use crate::measure::LevelMetrics;
use crate::report::SizingResult;
use crate::sizing::{Search, Step};
use crate::spec::Spec;
use crate::store::{
    Digest, Key, LockState, Locked, Manifest, Owner, Store, StoreError, write_if_changed,
};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How to run.
#[derive(Clone)]
pub struct RunOptions {
    /// Watches the run.
    pub observer: Arc<dyn Observer>,
    /// Stops the run; finished stages are kept.
    pub cancel: CancellationToken,
    /// What to run.
    pub selection: Selection,
    /// Ask no server: a level that is not there is an error.
    pub offline: bool,
    /// After a stage failed, run what does not depend on it.
    pub keep_going: bool,
    /// How many test rigs may be measured at the same time. They share this machine's cores, so
    /// more than one is for rigs that are far busier than it is.
    pub jobs: NonZeroUsize,
    /// Wait for another process that works on the same store, instead of failing.
    pub wait: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            observer: Arc::new(Silent),
            cancel: CancellationToken::new(),
            selection: Selection::default(),
            offline: false,
            keep_going: false,
            jobs: NonZeroUsize::MIN,
            wait: false,
        }
    }
}

/// What became of one stage.
#[derive(Clone, Debug)]
pub struct StageReport {
    /// The stage.
    pub id: StageId,
    /// Why it ran; `None` where its artifact was there.
    pub ran: Option<Reason>,
    /// Its artifact.
    pub digest: Digest,
    /// How long it took.
    pub elapsed: Duration,
}

/// What a run brought.
#[derive(Debug)]
pub struct Outcome {
    /// The result; `None` where the selection ends before it is known.
    pub result: Option<SizingResult>,
    /// The selected stages.
    pub stages: Vec<StageReport>,
    /// The reports, as they lie on disk.
    pub reports: Vec<PathBuf>,
}

impl Outcome {
    /// How many stages ran.
    pub fn stages_run(&self) -> usize {
        self.stages.iter().filter(|stage| stage.ran.is_some()).count()
    }
}

impl Pipeline {
    /// Runs every selected stage whose artifact is not there, in order, and writes the reports.
    pub async fn run(&self, options: RunOptions) -> Result<Outcome, PipelineError> {
        options.selection.check(std::slice::from_ref(self))?;
        let owner = own(&self.spec, &options).await?;
        self.run_owned(options, &Made::default(), &owner).await
    }

    /// Runs with the store in this process's hands already, and a checked selection.
    pub(super) async fn run_owned(
        &self,
        options: RunOptions,
        made: &Made,
        owner: &Owner,
    ) -> Result<Outcome, PipelineError> {
        check_outputs(&self.spec)?;
        let chosen = options.selection.choose(&self.graph, self.spec.branch());
        let RunOptions { observer, cancel, selection, offline, keep_going, .. } = options;
        let context = Context::new(&self.spec, &self.graph, observer, cancel);
        let context = context.handed(self.workflow.clone()).owned(owner);
        let mut last = Last::of(&self.spec, &context.store);
        if let Some(notice) = lock_notice(last.lock.state()) {
            context.observer.notice(&notice);
        }
        let fetches = chosen.needed.contains(&StageId::Expand) && !offline;
        if fetches {
            context.fetch_dataset(chosen.forced.contains(&StageId::Expand)).await?;
        }
        let diary = Diary::begin();
        let mut run = Running {
            pipeline: self,
            context: &context,
            made,
            selection,
            graph: self.graph.clone(),
            latest: last.latest.clone(),
            chosen,
            offline,
            keep_going,
            manifests: BTreeMap::new(),
            missing: BTreeSet::new(),
            reports: Vec::new(),
        };
        let ended = run.everything(&last).await.and_then(|()| run.remember(&last.latest));
        context.close().await;
        let Running { manifests, reports: stages, graph, .. } = run;
        // Also after a failure: what is finished is what the next run begins with, and with
        // `keep_going` some reports may be there.
        let finished = self.finish(&context, &graph, &mut last, &manifests);
        let outcome = ended.and(finished).map(|(result, reports)| Outcome {
            result,
            stages: stages.clone(),
            reports,
        });
        diary.end(&context, &manifests, &stages, &outcome)?;
        outcome
    }

    /// Locks what is there, writes the reports, and puts the result together if it can be.
    fn finish(
        &self,
        context: &Context<'_>,
        graph: &Graph,
        last: &mut Last,
        manifests: &BTreeMap<StageId, Manifest>,
    ) -> Result<(Option<SizingResult>, Vec<PathBuf>), PipelineError> {
        // Offline, levels that were never measured here are no part of the graph; a lock keeps them.
        let stages = graph.stages().chain(self.graph.stages());
        let lockable = stages.filter(|(id, _)| id.is_locked());
        let before = |id: &StageId| Some((id.to_string(), last.lock.get(&id.to_string())?.clone()));
        let mut locked: BTreeMap<String, Locked> =
            lockable.filter_map(|(id, _)| before(id)).collect();
        let now = manifests.iter().filter(|(id, _)| id.is_locked());
        locked.extend(now.map(|(id, manifest)| (id.to_string(), locked_of(manifest))));
        if !context.store.is_read_only() {
            last.lock.replace(locked)?;
        }
        let reports = self.write_reports(context, manifests)?;
        let complete =
            manifests.contains_key(&StageId::Estimate) && manifests.contains_key(&StageId::Expand);
        let result = if complete {
            let digests = manifests.iter().map(|(id, it)| (id.clone(), it.digest.clone()));
            Some(assemble(context, &Artifacts::new(&context.store, digests.collect()))?)
        } else {
            None
        };
        Ok((result, reports))
    }

    /// Puts the reports into the output folder, where they are not there already.
    fn write_reports(
        &self,
        context: &Context<'_>,
        manifests: &BTreeMap<StageId, Manifest>,
    ) -> Result<Vec<PathBuf>, PipelineError> {
        let dir = self.spec.output_dir();
        let mut paths = Vec::new();
        for (id, manifest) in manifests {
            let StageId::Render(name) = id else { continue };
            let path = dir.join(name);
            let bytes = context.store.read(&manifest.digest)?;
            write_if_changed(&path, &bytes)?;
            paths.push(path);
        }
        Ok(paths)
    }
}

/// A run under way.
struct Running<'a> {
    pipeline: &'a Pipeline,
    context: &'a Context<'a>,
    made: &'a Made,
    selection: Selection,
    /// All stages; where levels are adaptive, as far as they are known.
    graph: Graph,
    /// The keys that the stages had last, with those of this run.
    latest: BTreeMap<String, Key>,
    chosen: Chosen,
    offline: bool,
    keep_going: bool,
    /// Stages whose artifacts are there.
    manifests: BTreeMap<StageId, Manifest>,
    /// Stages that failed, or that cannot run for want of one that did.
    missing: BTreeSet<StageId>,
    reports: Vec<StageReport>,
}

impl Running<'_> {
    /// Goes through all needed stages, choosing levels on the way where they are adaptive.
    async fn everything(&mut self, last: &Last) -> Result<(), PipelineError> {
        if let Some(search) = search_of(&self.pipeline.spec) {
            self.explore(&search, last).await?;
        } else if self.offline {
            self.leave_out_what_is_missing(last).await?;
        }
        self.all(last, |_| true).await
    }

    /// Begins with all levels that are there, then measures one after the other, each where the ones
    /// before say most is to be learnt.
    async fn explore(&mut self, search: &Search, last: &Last) -> Result<(), PipelineError> {
        self.all(last, |id| *id == StageId::Expand).await?;
        let Some(items) = self.manifests.get(&StageId::Expand) else { return Ok(()) };
        let known = known_levels(self.context, &items.digest)?;
        // Another branch of this run may have measured some of them a moment ago.
        let same_rig = known.values().any(|level| self.made.holds(&level.manifest.key));
        let mut levels: Vec<GraphLevel> = known.into_values().map(GraphLevel::known).collect();
        let mut metrics: BTreeMap<u32, LevelMetrics> = levels
            .iter()
            .filter_map(|level| {
                Some((level.next.concurrency, level.known.as_ref()?.metrics.clone()))
            })
            .collect();
        self.set_levels(&levels);
        self.all(last, |id| matches!(id, StageId::Sweep(_) | StageId::Level(_))).await?;
        // What was forced is another level now.
        for concurrency in metrics.keys().copied().collect::<Vec<_>>() {
            if let Some(now) = self.metrics_of(concurrency)? {
                metrics.insert(concurrency, now);
            }
        }
        let mut measured = BTreeSet::new();
        while let Some(step) = self.next(search, &metrics, same_rig) {
            let concurrency = step.level.concurrency;
            // Whatever a plan may say: no run measures a level twice.
            if !measured.insert(concurrency) {
                break;
            }
            let own = [StageId::Sweep(concurrency), StageId::Level(concurrency)];
            let before = levels.clone();
            plan_step(&mut levels, step);
            let chosen = self
                .selection
                .choose(&Graph::of(&self.pipeline.spec, &levels), self.pipeline.spec.branch());
            let [sweep, _] = &own;
            if !metrics.is_empty() && !chosen.wanted.contains(sweep) {
                self.set_levels(&before);
                break;
            }
            self.set_levels(&levels);
            if step.again.is_some() {
                self.manifests.retain(|id, _| !own.contains(id));
                self.reports.retain(|report| !own.contains(&report.id));
            }
            self.all(last, |id| own.contains(id)).await?;
            // Not selected, or not to be had: then no further level follows from it.
            let Some(now) = self.metrics_of(concurrency)? else { break };
            metrics.insert(concurrency, now);
        }
        Ok(())
    }

    /// What to measure next, if anything may be measured where there is something already.
    fn next(
        &self,
        search: &Search,
        metrics: &BTreeMap<u32, LevelMetrics>,
        same_rig: bool,
    ) -> Option<Step> {
        let known: Vec<LevelMetrics> = metrics.values().cloned().collect();
        let step = search.next(&known, same_rig)?;
        if !self.offline || known.is_empty() {
            return Some(step);
        }
        self.context.observer.notice(&format!(
            "offline nothing is measured; concurrency {} would be next, and the estimate rests on {}",
            step.level.concurrency,
            listed(metrics.keys())
        ));
        None
    }

    fn metrics_of(&self, concurrency: u32) -> Result<Option<LevelMetrics>, PipelineError> {
        let level = StageId::Level(concurrency);
        let Some(manifest) = self.manifests.get(&level) else { return Ok(None) };
        let digests = [(level, manifest.digest.clone())].into();
        Ok(Artifacts::new(&self.context.store, digests).levels()?.pop())
    }

    /// Makes these the levels of the run.
    fn set_levels(&mut self, levels: &[GraphLevel]) {
        for level in levels {
            self.context.plan_level(level.clone());
        }
        self.graph = Graph::of(&self.pipeline.spec, levels);
        self.chosen = self.selection.choose(&self.graph, self.pipeline.spec.branch());
    }

    /// Goes on without levels that are not there and cannot be measured now, where others are and
    /// nobody asked for these by name.
    async fn leave_out_what_is_missing(&mut self, last: &Last) -> Result<(), PipelineError> {
        let spec = &self.pipeline.spec;
        if spec.workflow.recorded().is_some() {
            return Ok(());
        }
        self.all(last, |id| *id == StageId::Expand).await?;
        let Some(items) = self.manifests.get(&StageId::Expand) else { return Ok(()) };
        let inputs: BTreeMap<StageId, Digest> = [(StageId::Expand, items.digest.clone())].into();
        let (mut there, mut missing) = (Vec::new(), BTreeMap::new());
        for level in self.graph.levels() {
            let id = StageId::Sweep(level.next.concurrency);
            let metrics = StageId::Level(level.next.concurrency);
            let named = [&id, &metrics]
                .iter()
                .any(|id| self.selection.names(&self.graph, spec.branch(), id));
            match look_up(self.context, last, &id, &inputs, &self.chosen)?.found {
                Found::Nothing(reason) if !named && reason != Reason::Forced => {
                    missing.insert(level.next.concurrency, reason);
                }
                _ => there.push(level.clone()),
            }
        }
        if there.is_empty() || missing.is_empty() {
            return Ok(());
        }
        let levels: BTreeSet<u32> = there.iter().map(|level| level.next.concurrency).collect();
        let rests_on = listed(levels.iter());
        for (concurrency, reason) in missing {
            let what = match reason {
                Reason::NeverRan => format!("level {concurrency} was never measured"),
                reason => format!("level {concurrency} is not in the store ({reason})"),
            };
            self.context.observer.notice(&format!("{what}: the estimate rests on {rests_on}"));
        }
        self.set_levels(&there);
        Ok(())
    }

    /// Goes through the needed stages among `these`; the first failure is the one returned.
    async fn all(
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
            if self.context.cancel.is_cancelled() {
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
                    self.context.observer.stage_failed(id, &error);
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
        let Candidate { key, parts, found } = candidate;
        let (manifest, ran) = match found {
            Found::Artifact(manifest) => (manifest, None),
            Found::Nothing(reason) => {
                self.may_run(id, &reason)?;
                if reason == Reason::Damaged {
                    self.context.store.discard_damaged(&key);
                }
                self.context.observer.stage_started(id);
                let artifacts = Artifacts::new(&self.context.store, inputs);
                let bytes = match stage(id).run(self.context, &artifacts).await {
                    Err(PipelineError::Load { error: LoadError::Cancelled, .. }) => {
                        return Err(self.cancelled());
                    }
                    bytes => bytes?,
                };
                let manifest = self.context.store.keep(&id.to_string(), key, parts, &bytes)?;
                if let Some(made) = &mut turn {
                    **made = true;
                }
                (manifest, Some(reason))
            }
        };
        self.latest.insert(id.to_string(), manifest.key.clone());
        if ran.is_some() {
            // At once: were this process killed now, the next run could say what changed since,
            // and garbage collection would spare the artifact.
            self.write_latest()?;
        }
        if self.chosen.wanted.contains(id) {
            let (digest, elapsed) = (manifest.digest.clone(), began.elapsed());
            let report = StageReport { id: id.clone(), ran, digest, elapsed };
            self.context.observer.stage_done(&report);
            self.reports.push(report);
        }
        self.manifests.insert(id.clone(), manifest);
        Ok(())
    }

    /// Writes down what all stages were last, unless that stands there already. A run in which
    /// everything was there counts too: it is what the spec says now.
    fn remember(&self, before: &BTreeMap<String, Key>) -> Result<(), PipelineError> {
        if *before == self.latest { Ok(()) } else { self.write_latest() }
    }

    fn write_latest(&self) -> Result<(), PipelineError> {
        Ok(self.context.store.set_latest(&self.pipeline.spec.key_name(), &self.latest)?)
    }

    fn may_run(&self, id: &StageId, reason: &Reason) -> Result<(), PipelineError> {
        let why = if !self.chosen.wanted.contains(id) {
            "it was not selected to be made; select it too, or run without a selection once"
        } else if self.offline && *id == StageId::Expand && !self.context.dataset_path().is_file() {
            "offline no dataset is downloaded; run once without --offline"
        } else if self.offline
            && id.asks_a_server()
            && self.context.spec.workflow.recorded().is_none()
        {
            "offline nothing is measured; run once without --offline"
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

fn listed<'a>(levels: impl Iterator<Item = &'a u32>) -> String {
    levels.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn locked_of(manifest: &Manifest) -> Locked {
    Locked {
        key: manifest.key.clone(),
        digest: manifest.digest.clone(),
        size: manifest.size,
        tool: manifest.tool.clone(),
    }
}

/// Takes the store beside a spec, for reading alone where that is enough, waiting for another process where that is wanted.
pub(super) async fn own(spec: &Spec, options: &RunOptions) -> Result<Owner, PipelineError> {
    const LOOK_AGAIN: Duration = Duration::from_millis(50);
    let store = Store::beside(spec.base_dir());
    let mut told = false;
    loop {
        let owner = if options.offline { store.own_or_read() } else { store.own() };
        match owner {
            Err(error @ StoreError::Busy { .. }) if options.wait => {
                if !told {
                    options.observer.notice(&error.to_string());
                    told = true;
                }
                tokio::select! {
                    () = options.cancel.cancelled() => {
                        return Err(PipelineError::Cancelled { levels: 0 });
                    }
                    () = tokio::time::sleep(LOOK_AGAIN) => {}
                }
            }
            owner => return Ok(owner?),
        }
    }
}

/// What to say about a lock file that is not as sizer wrote it.
fn lock_notice(state: &LockState) -> Option<String> {
    match state {
        LockState::Sound => None,
        LockState::Conflicted => Some(
            "sizer.lock has merge conflicts; it is written anew from both sides and the store"
                .into(),
        ),
        LockState::Unreadable(why) => {
            Some(format!("sizer.lock cannot be read ({why}); it is written anew from the store"))
        }
    }
}
