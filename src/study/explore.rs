//! The levels of a run: those that the spec names, or that follow from existing ones.

use super::adaptive::plan_step;
use super::graph::Graph;
use super::graph_level::GraphLevel;
use super::keys::{Found, Last, look_up};
use super::known::known_levels;
use super::running::Running;
use super::search::search_of;
use super::stage_id::StageId;
use super::stages::Artifacts;
use super::{PipelineError, Reason};
use crate::measure::LevelMetrics;
use crate::sizing::{Search, Step};
use crate::store::Digest;
use std::collections::{BTreeMap, BTreeSet};

impl Running<'_> {
    /// Goes through all needed stages, choosing levels on the way where they are adaptive.
    pub(super) async fn everything(&mut self, last: &Last) -> Result<(), PipelineError> {
        if let Some(search) = search_of(&self.pipeline.spec) {
            self.explore(&search, last).await?;
        } else if self.context.offline {
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
        if !self.context.offline
            && let Some(why) = search.idle(&metrics.values().cloned().collect::<Vec<_>>())
        {
            self.context.services.observer.notice(&why);
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

    /// The next level to measure. `None` if the search is over; or offline, if any level exists: a notice then names the
    /// level that would be next.
    fn next(
        &self,
        search: &Search,
        metrics: &BTreeMap<u32, LevelMetrics>,
        same_rig: bool,
    ) -> Option<Step> {
        let known: Vec<LevelMetrics> = metrics.values().cloned().collect();
        let step = search.next(&known, same_rig)?;
        if !self.context.offline || known.is_empty() {
            return Some(step);
        }
        self.context.services.observer.notice(&format!(
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
        Ok(Artifacts::new(&self.context.services.store, digests).levels()?.pop())
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
            self.context
                .services
                .observer
                .notice(&format!("{what}: the estimate rests on {rests_on}"));
        }
        self.set_levels(&there);
        Ok(())
    }
}

fn listed<'a>(levels: impl Iterator<Item = &'a u32>) -> String {
    levels.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
