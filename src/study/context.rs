//! The context of a run: the spec, the services that stages share, and the levels as they are planned.

use super::file_digests::FileDigests;
use super::graph_level::GraphLevel;
use super::observer::SilentObserver;
use super::search::search_of;
use super::services::Services;
use super::spec_files::SpecFiles;
use super::stages::PlannedLevel;
use super::{CancellationToken, Observer, PipelineError};
use crate::dataset;
use crate::engine::Previous;
use crate::load::Executor;
use crate::measure::SearchGoal;
use crate::pacing::LoadPoint;
use crate::spec::Spec;
use crate::store::{Owner, Store};
use crate::workflow::Workflow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The context of a run. Planning and running see all of it; a stage gets only its slice and the services.
pub(super) struct Context {
    pub spec: Arc<Spec>,
    pub files: SpecFiles,
    pub services: Services,
    /// True if no server may be contacted, so that existing artifacts have to suffice.
    pub offline: bool,
    /// True if other rigs are measured beside this one, so that the load generators have no core to themselves.
    pub beside_others: bool,
    /// The aim of an adaptive sweep, as its levels record it.
    asked: Option<SearchGoal>,
    /// Levels with the runs that were chosen for them, and the recordings that are there.
    planned: Mutex<BTreeMap<LoadPoint, GraphLevel>>,
}

impl Context {
    pub fn new(
        spec: &Arc<Spec>,
        digests: &Arc<FileDigests>,
        observer: Arc<dyn Observer>,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            spec: Arc::clone(spec),
            files: SpecFiles::of(spec, digests),
            services: Services::of(spec, observer, cancel),
            offline: false,
            beside_others: false,
            asked: search_of(spec).map(|search| search.asked),
            planned: Mutex::default(),
        }
    }

    /// A read-only context, without an observer or cancellation.
    pub fn at_rest(spec: &Arc<Spec>, digests: &Arc<FileDigests>) -> Self {
        Self::new(spec, digests, Arc::new(SilentObserver), CancellationToken::new())
    }

    /// The same with a workflow of the caller's own.
    pub fn handed(self, workflow: Option<Arc<dyn Workflow>>) -> Self {
        Self { services: self.services.handed(workflow), ..self }
    }

    /// The same with an executor of the caller's own.
    pub fn loaded_by(self, executor: Option<Arc<dyn Executor>>) -> Self {
        Self { services: self.services.loaded_by(executor), ..self }
    }

    /// The same for a run that asks no server.
    pub fn offline(self, offline: bool) -> Self {
        Self { offline, ..self }
    }

    /// The same with the store as its owner has it.
    pub fn owned(mut self, owner: &Owner) -> Self {
        self.services.store = Store::beside(self.spec.base_dir()).owned(owner);
        self
    }

    /// The same with levels as they are planned.
    pub fn planning(self, levels: &[GraphLevel]) -> Self {
        for level in levels {
            self.plan_level(level.clone());
        }
        self
    }

    /// The keys that the stages had before.
    pub fn previous(&self) -> Previous {
        Previous::read(self.spec.base_dir(), &self.spec.key_name(), &self.services.store)
    }

    /// Takes note of a level that was chosen while the run is under way.
    pub fn plan_level(&self, level: GraphLevel) {
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        planned.insert(level.point, level);
    }

    /// The plan of a level.
    pub fn planned(&self, level: LoadPoint) -> Option<GraphLevel> {
        let planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        planned.get(&level).cloned()
    }

    /// The part of the sweep's plan that a level is measured by.
    pub fn planned_sweep(&self, point: LoadPoint) -> PlannedLevel {
        let planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        let highest = planned.last_key_value().map_or(point, |(highest, _)| point.max(*highest));
        let level = planned.get(&point).cloned();
        PlannedLevel::of(&self.spec.concurrency, self.asked.as_ref(), level, highest)
    }

    /// Downloads a remote dataset, unless that was done before. A copy stays until it is asked for
    /// again: other content would be another measurement.
    pub async fn fetch_dataset(&self, again: bool) -> Result<(), PipelineError> {
        let Some(url) = self.spec.dataset.url() else { return Ok(()) };
        let store = &self.services.store;
        let path = self.files.dataset_path();
        if again || !store.has_download(url) {
            store.make_downloads()?;
            let notice = format!("downloading {}", dataset::shown_url(url));
            self.services.observer.notice(&notice);
            dataset::download(url, &path).await.map_err(|error| self.files.dataset_error(error))?;
        }
        Ok(())
    }
}
