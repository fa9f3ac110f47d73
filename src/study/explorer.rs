//! The levels of a run: those that the spec names, or that follow from existing ones. They are added to the graph
//! while it is worked through.

use super::adaptive::{levels_of, plan_step};
use super::context::Context;
use super::graph::{Graph, graph_of, with_level};
use super::graph_level::GraphLevel;
use super::known_levels::known_levels;
use super::pipeline::Pipeline;
use super::producer::Producer;
use super::search::{evidence, search_of};
use super::stage_id::StageId;
use super::stages::Artifacts;
use super::{PipelineError, Reason, Selection};
use crate::engine::{CacheLookup, Grow, Growth, Previous, Progress, SingleFlight, look_up};
use crate::measure::LevelMetrics;
use crate::pacing::LoadPoint;
use crate::report::sentence;
use crate::sizing::{Search, Step};
use crate::store::Digest;
use std::collections::{BTreeMap, BTreeSet};

/// Adds the levels of a run to its graph.
pub(super) struct Explorer<'a> {
    pipeline: &'a Pipeline,
    context: &'a Context,
    previous: &'a Previous,
    flights: &'a SingleFlight,
    selection: Selection,
    next: NextAction,
    levels: Vec<GraphLevel>,
    metrics: BTreeMap<LoadPoint, LevelMetrics>,
    /// Levels that were chosen in this run.
    chosen: BTreeSet<LoadPoint>,
    /// True if another branch has measured some of the levels in this run.
    same_rig: bool,
    /// Stages that have to settle before it goes on.
    awaited: BTreeSet<StageId>,
}

/// The next thing that an explorer has to do.
enum NextAction {
    /// Nothing: the graph has all its levels.
    Nothing,
    /// To leave out levels that are not there, once the dataset is expanded.
    LeaveOut,
    /// To begin with the levels that are there, once the dataset is expanded.
    Begin(Box<Search>),
    /// To go on from the levels that are there.
    GoOn(Box<Search>),
    /// To go on from this level.
    GoOnFrom(LoadPoint, Box<Search>),
}

impl<'a> Explorer<'a> {
    /// The explorer of a run.
    pub fn of(
        pipeline: &'a Pipeline,
        context: &'a Context,
        previous: &'a Previous,
        flights: &'a SingleFlight,
        selection: Selection,
    ) -> Self {
        let next = match search_of(&context.spec) {
            Some(search) => NextAction::Begin(Box::new(search)),
            None if context.offline && Producer::of(&context.spec).measures() => {
                NextAction::LeaveOut
            }
            None => NextAction::Nothing,
        };
        Self {
            pipeline,
            context,
            previous,
            flights,
            selection,
            next,
            levels: Vec::new(),
            metrics: BTreeMap::new(),
            chosen: BTreeSet::new(),
            same_rig: false,
            awaited: [StageId::Expand].into(),
        }
    }

    /// The graph to begin with.
    pub fn first_graph(&self) -> Graph {
        match self.next {
            NextAction::Nothing => self.pipeline.graph().clone(),
            _ => graph_of(&self.context.spec, []),
        }
    }

    /// All levels that are there. Then, one after the other, each where the ones before say most is to be learnt.
    fn begin(&mut self, items: &Digest) -> Result<Graph, PipelineError> {
        let known = known_levels(self.context, items)?;
        // Another branch of this run may have measured some of them a moment ago.
        self.same_rig = known.values().any(|level| self.flights.has_made(&level.manifest.key));
        self.levels = known.into_iter().map(GraphLevel::known).collect();
        for level in &self.levels {
            if let Some(known) = &level.known {
                self.metrics.insert(level.point, known.metrics.clone());
            }
            self.context.plan_level(level.clone());
        }
        Ok(graph_of(&self.context.spec, levels_of(&self.levels)))
    }

    /// Chooses a level, and adds its stages; `None` if there is none to choose.
    fn choose(&mut self, search: &Search, graph: &Graph) -> Option<(LoadPoint, Growth<StageId>)> {
        let step = self.next(search)?;
        let again = step.again.is_some();
        let point = self.context.spec.concurrency.point(step.level.concurrency);
        // Whatever a plan may say: no run measures a level twice.
        if !self.chosen.insert(point) {
            return None;
        }
        let is_new = !levels_of(&self.levels).any(|level| level == point);
        let graph = graph.clone();
        let graph = if is_new { with_level(graph, &self.context.spec, point) } else { graph };
        let own = [StageId::Sweep(point), StageId::Level(point)];
        let [sweep, _] = &own;
        let chosen = self.selection.choose(&graph, self.context.spec.branch());
        if !self.metrics.is_empty() && !chosen.wanted.contains(sweep) {
            return None;
        }
        plan_step(&mut self.levels, &self.context.spec, step);
        if let Some(level) = self.levels.iter().find(|it| it.point == point) {
            self.context.plan_level(level.clone());
        }
        self.awaited = own.iter().filter(|id| chosen.needed.contains(*id)).cloned().collect();
        let again = if again { own.to_vec() } else { Vec::new() };
        Some((point, Growth { graph, again }))
    }

    /// The next level to measure. `None` if the search is over; or offline, if any level exists: a notice then names the
    /// level that would be next.
    fn next(&self, search: &Search) -> Option<Step> {
        let known: Vec<LevelMetrics> = self.metrics.values().cloned().collect();
        let step = search.next(&evidence(&self.context.spec, &known), self.same_rig)?;
        if !self.context.offline || known.is_empty() {
            return Some(step);
        }
        self.notice(&format!(
            "nothing is measured offline; concurrency {} would be next, and the estimate rests on {}",
            step.level.concurrency,
            listed(self.metrics.keys())
        ));
        None
    }

    /// Takes over the metrics of levels as they are now: what was forced is another level.
    fn update(&mut self, progress: &Progress<StageId>) -> Result<(), PipelineError> {
        for point in self.metrics.keys().copied().collect::<Vec<_>>() {
            if let Some(now) = self.metrics_of(progress, point)? {
                self.metrics.insert(point, now);
            }
        }
        Ok(())
    }

    fn metrics_of(
        &self,
        progress: &Progress<StageId>,
        point: LoadPoint,
    ) -> Result<Option<LevelMetrics>, PipelineError> {
        let level = StageId::Level(point);
        let Some(manifest) = progress.manifests.get(&level) else { return Ok(None) };
        let digests = [(level, manifest.digest.clone())].into();
        Ok(Artifacts::new(&self.context.services.store, digests).levels()?.pop())
    }

    /// The graph without levels that are not there and cannot be measured now, if others exist and these were not
    /// selected by name.
    fn leave_out_what_is_missing(
        &self,
        progress: &Progress<StageId>,
        items: &Digest,
    ) -> Result<Graph, PipelineError> {
        let (whole, label) = (self.pipeline.graph(), self.context.spec.branch());
        let inputs: BTreeMap<StageId, Digest> = [(StageId::Expand, items.clone())].into();
        let (mut there, mut missing) = (Vec::new(), BTreeMap::new());
        for point in levels_of(self.pipeline.levels()) {
            let own = [StageId::Sweep(point), StageId::Level(point)];
            let named = own.iter().any(|id| self.selection.names(whole, label, id));
            let [id, _] = &own;
            match look_up(self.context, self.previous, id, &inputs, &progress.chosen)?.found {
                CacheLookup::Miss(reason) if !named && reason != Reason::Forced => {
                    missing.insert(point, reason);
                }
                _ => there.push(point),
            }
        }
        if there.is_empty() || missing.is_empty() {
            return Ok(whole.clone());
        }
        let rests_on = listed(there.iter().collect::<BTreeSet<_>>().into_iter());
        for (point, reason) in missing {
            let what = match reason {
                Reason::NeverRan => format!("level {point} was never measured"),
                reason => format!("level {point} is not in the store ({reason})"),
            };
            self.notice(&format!("{what}: the estimate rests on {rests_on}"));
        }
        Ok(graph_of(&self.context.spec, there))
    }

    fn notice(&self, text: &str) {
        self.context.services.observer.notice(text);
    }

    /// Does what is next, as often as nothing has to settle first.
    fn go_on(
        &mut self,
        progress: &Progress<StageId>,
    ) -> Result<Option<Growth<StageId>>, PipelineError> {
        let mut grown: Option<Growth<StageId>> = None;
        let items = progress.manifests.get(&StageId::Expand).map(|items| items.digest.clone());
        while self.awaited.is_empty() {
            let graph = grown.as_ref().map_or(&progress.graph, |growth| &growth.graph);
            let search = match std::mem::replace(&mut self.next, NextAction::Nothing) {
                NextAction::Nothing => break,
                // Where a level failed, nothing follows from the others.
                _ if !progress.missing.is_empty() => break,
                NextAction::LeaveOut => {
                    let Some(items) = &items else { break };
                    let graph = self.leave_out_what_is_missing(progress, items)?;
                    grown = Some(Growth { graph, again: Vec::new() });
                    break;
                }
                NextAction::Begin(search) => {
                    let Some(items) = &items else { break };
                    let graph = self.begin(items)?;
                    let chosen = self.selection.choose(&graph, self.context.spec.branch());
                    let own = levels_of(&self.levels)
                        .flat_map(|level| [StageId::Sweep(level), StageId::Level(level)]);
                    self.awaited = own.filter(|id| chosen.needed.contains(id)).collect();
                    grown = Some(Growth { graph, again: Vec::new() });
                    self.next = NextAction::GoOn(search);
                    continue;
                }
                NextAction::GoOn(search) => {
                    self.update(progress)?;
                    let known: Vec<LevelMetrics> = self.metrics.values().cloned().collect();
                    let evidence = evidence(&self.context.spec, &known);
                    let idle = if self.context.offline { None } else { search.idle(&evidence) };
                    if let Some(why) = idle {
                        self.notice(&sentence(&why));
                    }
                    search
                }
                NextAction::GoOnFrom(point, search) => {
                    // Not selected, or not to be had: then no further level follows from it.
                    let Some(now) = self.metrics_of(progress, point)? else { break };
                    self.metrics.insert(point, now);
                    search
                }
            };
            let graph = graph.clone();
            let Some((point, growth)) = self.choose(&search, &graph) else { break };
            self.next = NextAction::GoOnFrom(point, search);
            grown = Some(growth);
        }
        Ok(grown)
    }
}

impl Grow<Context> for Explorer<'_> {
    fn grow(
        &mut self,
        progress: &Progress<StageId>,
        settled: &StageId,
    ) -> Result<Option<Growth<StageId>>, PipelineError> {
        if self.awaited.remove(settled) { self.go_on(progress) } else { Ok(None) }
    }

    fn may_grow(&self) -> bool {
        !matches!(self.next, NextAction::Nothing)
    }
}

fn listed<'a>(levels: impl Iterator<Item = &'a LoadPoint>) -> String {
    levels.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
