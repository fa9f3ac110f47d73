//! A run under way: stage by stage, each kept the moment it is done.

use super::cache_lookup::{CacheLookup, Candidate, cut_short_key, look_up};
use super::graph::Graph;
use super::grow::{Grow, Growth};
use super::host::{OutcomeOf, ReasonOf, Runner};
use super::outcome::StageOutcome;
use super::previous::Previous;
use super::progress::Progress;
use super::ready::Ready;
use super::reason::Reason;
use super::resolved_selection::ResolvedSelection;
use super::resources::{Lease, Resources};
use super::selection::Selection;
use super::single_flight::{SingleFlight, Turn};
use super::task::{Continuation, CutShort, Product};
use crate::store::{Content, Digest, Key, Manifest, Parts};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Handle;
use tracing::{debug, info};

/// The part of a run that all its graphs share.
pub(crate) struct SharedRun {
    /// The artifacts that it makes.
    pub flights: SingleFlight,
    /// The resources that its stages need.
    pub resources: Resources,
}

/// The settings of a run through one graph.
pub(crate) struct Settings<'a> {
    /// The part that all graphs of the run share.
    pub shared: &'a SharedRun,
    /// The place of the graph among those: of two that wait for a resource, the lower one gets it.
    pub place: usize,
    /// The name under which the keys of all stages are remembered.
    pub name: String,
    /// The stages to run.
    pub selection: Selection,
    /// The label of the graph, for patterns.
    pub label: Option<String>,
    /// After a stage failed, run what does not depend on it.
    pub keep_going: bool,
    /// Resources that are held until the last stage that needs them has settled.
    pub held: Vec<Lease>,
}

/// A run through one graph. Its stages run one after the other, in the order of the graph, so that messages and
/// records come in that order too; those of several graphs run side by side.
pub(crate) struct Run<'a, H: Runner> {
    host: Arc<H>,
    previous: &'a Previous,
    settings: Settings<'a>,
    ready: Ready<H::Id>,
    /// Stages left that need what is held.
    holding: BTreeSet<H::Id>,
    /// The resources that the last stage ran with: the next one often needs the same.
    lease: Option<Lease>,
    progress: Progress<H::Id>,
    /// The keys that the stages had last, with those of this run.
    latest: BTreeMap<String, Key>,
    /// The outcomes of the selected stages.
    outcomes: Vec<OutcomeOf<H>>,
}

impl<'a, H: Runner> Run<'a, H> {
    /// A run that has not begun.
    pub fn new(
        host: Arc<H>,
        previous: &'a Previous,
        settings: Settings<'a>,
        progress: Progress<H::Id>,
    ) -> Self {
        let ready = Ready::of(&progress);
        let mut run = Self {
            host,
            previous,
            settings,
            ready,
            holding: BTreeSet::new(),
            lease: None,
            progress,
            latest: previous.latest.clone(),
            outcomes: Vec::new(),
        };
        run.sort_out();
        run
    }

    /// Goes through all needed stages; the first failure is the one returned.
    pub async fn all(&mut self, growing: &mut dyn Grow<H>) -> Result<(), H::Error> {
        let mut first_failure = Ok(());
        self.let_go_if_done(growing.may_grow()).await;
        while let Some(id) = self.ready.next() {
            if self.host.cancel().is_cancelled() {
                return Err(self.cancelled());
            }
            let needs = self.progress.graph.reads(&id);
            if needs.iter().any(|need| self.progress.missing.contains(*need)) {
                self.progress.missing.insert(id.clone());
            } else if let Err(error) = self.one(&id).await {
                if self.host.is_cancelled(&error) || !self.settings.keep_going {
                    return Err(error);
                }
                self.host.stage_failed(&id, &error);
                self.progress.missing.insert(id.clone());
                first_failure = first_failure.and(Err(error));
            }
            self.ready.settle(&self.progress, &id);
            self.holding.remove(&id);
            if let Some(growth) = growing.grow(&self.progress, &id)? {
                self.take_in(growth);
            }
            self.let_go_if_done(growing.may_grow()).await;
        }
        self.lease = None;
        first_failure
    }

    /// Goes on with a graph that has grown.
    fn take_in(&mut self, Growth { graph, again }: Growth<H::Id>) {
        self.progress.graph = graph;
        self.progress.chosen = self.choose(&self.progress.graph);
        self.progress.manifests.retain(|id, _| !again.contains(id));
        self.outcomes.retain(|outcome| !again.contains(&outcome.id));
        self.sort_out();
    }

    fn choose(&self, graph: &Graph<H::Id>) -> ResolvedSelection<H::Id> {
        self.settings.selection.choose(graph, self.settings.label.as_deref())
    }

    fn sort_out(&mut self) {
        self.ready = Ready::of(&self.progress);
        let holding = self.ready.left().filter(|id| self.host.needs_what_is_held(id));
        self.holding = holding.cloned().collect();
    }

    /// Gives back what is held as soon as no stage needs it any more.
    async fn let_go_if_done(&mut self, may_grow: bool) {
        if !self.settings.held.is_empty() && self.holding.is_empty() && !may_grow {
            self.host.let_go().await;
            self.settings.held.clear();
        }
    }

    async fn one(&mut self, id: &H::Id) -> Result<(), H::Error> {
        let began = Instant::now();
        let inputs = self.inputs(id);
        let mut candidate = self.look_up(id, &inputs)?;
        let mut turn = None;
        if let CacheLookup::Miss(_) = candidate.found {
            let mine = self.turn(id, &candidate.key).await?;
            // Another graph may have made it meanwhile.
            candidate = self.look_up(id, &inputs)?;
            // One of which this graph wants more may be what another has just made.
            let more = matches!(&candidate.found, CacheLookup::Miss(reason) if self.host.wants_more(reason));
            if *mine && !more {
                candidate = candidate.made_in_this_run(self.host.store());
            }
            turn = Some(mine);
        }
        let (manifest, ran) = match candidate.found {
            CacheLookup::Hit(manifest) => {
                debug!("{id}: there, key {}", manifest.key);
                (*manifest, None)
            }
            CacheLookup::Miss(reason) => {
                let Candidate { key, parts, task, .. } = candidate;
                let why = self.host.word(&reason);
                debug!("{id}: not there, key {key}: {why}");
                self.check(id, &reason)?;
                if reason == Reason::Damaged {
                    self.host.store().discard_damaged(&key);
                }
                info!("{id}: begins");
                self.host.stage_started(id);
                let product = self.make(id, task, inputs).await?;
                let manifest = self.keep(id, key, parts, product, turn.as_deref_mut())?;
                info!(
                    "{id}: ends after {:?}, {} bytes under key {}",
                    began.elapsed(),
                    manifest.size,
                    manifest.key
                );
                (manifest, Some(reason))
            }
        };
        self.latest.insert(id.to_string(), manifest.key.clone());
        if ran.is_some() {
            // At once: were this process killed now, the next run could say what changed since,
            // and garbage collection would spare the artifact.
            self.write_latest()?;
        }
        if self.progress.chosen.wanted.contains(id) {
            let (digest, elapsed) = (manifest.digest.clone(), began.elapsed());
            let outcome = StageOutcome { id: id.clone(), ran, digest, elapsed };
            self.host.stage_done(&outcome);
            self.outcomes.push(outcome);
        }
        self.progress.manifests.insert(id.clone(), manifest);
        Ok(())
    }

    fn inputs(&self, id: &H::Id) -> BTreeMap<H::Id, Digest> {
        let digest = |need: &H::Id| Some(self.progress.manifests.get(need)?.digest.clone());
        let needs = self.progress.graph.reads(id).into_iter();
        needs.filter_map(|need| Some((need.clone(), digest(need)?))).collect()
    }

    fn look_up(
        &self,
        id: &H::Id,
        inputs: &BTreeMap<H::Id, Digest>,
    ) -> Result<Candidate<H>, H::Error> {
        look_up(&*self.host, self.previous, id, inputs, &self.progress.chosen)
    }

    /// Waits for the resources of a stage, and until no other branch is making the same artifact. A turn is held only
    /// together with all resources, so whoever waits for a turn waits for a stage that is running.
    async fn turn(&mut self, id: &H::Id, key: &Key) -> Result<Turn, H::Error> {
        let host = Arc::clone(&self.host);
        let claim = host.claim(id);
        if self.lease.as_ref().is_some_and(|lease| *lease.claim() != claim) {
            self.lease = None;
        }
        let (shared, place, has_lease) =
            (self.settings.shared, self.settings.place, self.lease.is_some());
        let wait = async {
            if has_lease {
                return (None, shared.flights.turn(key).await);
            }
            // Meanwhile others can use the resources.
            drop(shared.flights.turn(key).await);
            let lease = shared.resources.lease(place, claim).await;
            (Some(lease), shared.flights.turn(key).await)
        };
        let (lease, turn) = tokio::select! {
            waited = wait => waited,
            () = host.cancel().cancelled() => return Err(self.cancelled()),
        };
        if lease.is_some() {
            self.lease = lease;
        }
        Ok(turn)
    }

    fn check(&self, id: &H::Id, reason: &ReasonOf<H>) -> Result<(), H::Error> {
        if self.progress.chosen.wanted.contains(id) {
            self.host.may_run(id, reason)
        } else {
            Err(self.host.not_selected(id, reason))
        }
    }

    async fn make(
        &self,
        id: &H::Id,
        task: H::Task,
        inputs: BTreeMap<H::Id, Digest>,
    ) -> Result<Product<H::Error>, H::Error> {
        let made = if self.host.only_computes(id) {
            let (host, runtime) = (Arc::clone(&self.host), Handle::current());
            let compute = move || runtime.block_on(host.make(&task, inputs));
            match tokio::task::spawn_blocking(compute).await {
                Ok(made) => made,
                Err(ended) => match ended.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // The runtime is about to end.
                    Err(_) => return Err(self.cancelled()),
                },
            }
        } else {
            self.host.make(&task, inputs).await
        };
        made.map_err(|error| if self.host.is_cancelled(&error) { self.cancelled() } else { error })
    }

    /// Keeps what a stage has made. What ends before its time is kept beside whatever was made whole: it may serve in
    /// its place, and is made again.
    fn keep(
        &mut self,
        id: &H::Id,
        key: Key,
        parts: Parts,
        Product { content, cut_short }: Product<H::Error>,
        turn: Option<&mut bool>,
    ) -> Result<Manifest, H::Error> {
        let name = id.to_string();
        let Some(CutShort { why, then }) = cut_short else {
            let manifest = self.host.store().keep(&name, key, parts, &content, None)?;
            self.host.store().settle(&manifest.key)?;
            self.progress.ran.insert(id.clone());
            if let Some(made) = turn {
                *made = true;
            }
            return Ok(manifest);
        };
        if let Continuation::GoOn(notice) = &then {
            self.host.notice(notice);
        }
        let manifest = self.keep_cut_short(name, parts, &content, why)?;
        match then {
            Continuation::Stop(error) => Err(error),
            Continuation::GoOn(_) => Ok(manifest),
        }
    }

    fn keep_cut_short(
        &mut self,
        name: String,
        parts: Parts,
        content: &Content,
        why: String,
    ) -> Result<Manifest, H::Error> {
        let key = cut_short_key(&name, &parts);
        let manifest = self.host.store().keep(&name, key, parts, content, Some(why))?;
        self.latest.insert(name, manifest.key.clone());
        self.write_latest()?;
        Ok(manifest)
    }

    /// Writes down what all stages were last, unless that stands there already. A run in which
    /// everything was there counts too: it is what the stages are now.
    pub fn remember(&self) -> Result<(), H::Error> {
        if self.previous.latest == self.latest { Ok(()) } else { self.write_latest() }
    }

    /// Ends it: the progress that was made, and the outcomes. Its resources are given back.
    pub fn into_ended(self) -> (Progress<H::Id>, Vec<OutcomeOf<H>>) {
        (self.progress, self.outcomes)
    }

    fn write_latest(&self) -> Result<(), H::Error> {
        Ok(self.host.store().set_latest(&self.settings.name, &self.latest)?)
    }

    fn cancelled(&self) -> H::Error {
        self.host.cancelled(self.progress.manifests.keys())
    }
}
