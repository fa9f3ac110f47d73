//! What the stages of one run share.

use super::graph_level::GraphLevel;
use super::observer::Silent;
use super::{CancellationToken, Graph, Observer, PipelineError, StageId};
use crate::dataset::{self, Counts, DatasetError, Needs};
use crate::load::{LoadError, Scraper, recorded_files};
use crate::measure::{Item, Row};
use crate::redact::Redactor;
use crate::spec::workflow::RecordedSpec;
use crate::spec::{Levels, Spec, Vault, process_env};
use crate::store::{Digest, Owner, Store};
use crate::workflow::{self, ConnectError, Redacted, Workflow};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::OnceCell;

/// What the stages of one run share: the spec and everything that is made ready at most once.
pub(super) struct Context<'a> {
    pub spec: &'a Spec,
    pub store: Store,
    pub observer: Arc<dyn Observer>,
    pub cancel: CancellationToken,
    /// Whether no server is asked, so that what is there has to do.
    pub offline: bool,
    dataset: OnceLock<Digest>,
    program_files: OnceLock<BTreeMap<String, Digest>>,
    /// Levels with the runs that were chosen for them, and the recordings that are there.
    planned: Mutex<BTreeMap<u32, GraphLevel>>,
    /// Knows every secret that was looked up.
    redactor: Redactor,
    scraper: OnceCell<Scraper>,
    /// A workflow of the caller's own.
    handed: Option<Arc<dyn Workflow>>,
    workflow: OnceCell<Arc<dyn Workflow>>,
    /// Whether a level was measured already.
    measured: AtomicBool,
}

impl<'a> Context<'a> {
    pub fn new(
        spec: &'a Spec,
        graph: &Graph,
        observer: Arc<dyn Observer>,
        cancel: CancellationToken,
    ) -> Self {
        let planned = graph.levels().iter().map(|level| (level.next.concurrency, level.clone()));
        Self {
            planned: Mutex::new(planned.collect()),
            redactor: Redactor::default(),
            scraper: OnceCell::new(),
            spec,
            store: Store::beside(spec.base_dir()),
            observer,
            cancel,
            offline: false,
            dataset: OnceLock::new(),
            program_files: OnceLock::new(),
            handed: None,
            workflow: OnceCell::new(),
            measured: AtomicBool::new(false),
        }
    }

    /// A context for looking only: nobody watches, nothing is to be stopped.
    pub fn at_rest(spec: &'a Spec, graph: &Graph) -> Self {
        Self::new(spec, graph, Arc::new(Silent), CancellationToken::new())
    }

    /// The same with a workflow of the caller's own.
    pub fn handed(self, workflow: Option<Arc<dyn Workflow>>) -> Self {
        Self { handed: workflow, ..self }
    }

    /// The same for a run that asks no server.
    pub fn offline(self, offline: bool) -> Self {
        Self { offline, ..self }
    }

    /// The same with the store as its owner has it.
    pub fn owned(self, owner: &Owner) -> Self {
        let store = Store::beside(self.spec.base_dir()).owned(owner);
        Self { store, ..self }
    }

    /// Takes note of a level that was chosen while the run is under way.
    pub fn plan_level(&self, level: GraphLevel) {
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        planned.insert(level.next.concurrency, level);
    }

    /// What is planned at a level.
    pub fn planned(&self, concurrency: u32) -> Option<GraphLevel> {
        let planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        planned.get(&concurrency).cloned()
    }

    /// The highest level that is known of.
    pub fn highest_level(&self) -> u32 {
        let planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        planned.last_key_value().map_or(0, |(highest, _)| *highest)
    }

    /// How many runs were chosen for an adaptive level, where the spec itself does not say.
    pub fn chosen_runs(&self, concurrency: u32) -> Option<usize> {
        let load = &self.spec.concurrency;
        let said = load.passes.is_some()
            || load.runs.is_some()
            || load.duration.is_some()
            || load.until.is_some();
        if said || load.levels != Levels::Adaptive {
            return None;
        }
        self.planned(concurrency).map(|level| level.next.runs)
    }

    /// What asks the server for its own metrics, where the spec wants that.
    pub async fn scraper(&self) -> Result<Option<&Scraper>, PipelineError> {
        let Some(spec) = &self.spec.test.scrape else { return Ok(None) };
        let made = self.scraper.get_or_try_init(async || {
            Scraper::new(spec, &Vault::new(&process_env, &self.redactor)).map_err(|error| {
                self.spec.error_at("test.scrape.url", error.to_string()).because(error)
            })
        });
        Ok(Some(made.await?))
    }

    /// The digests of the files that the workflow's program is made of.
    pub fn program_files(&self) -> Result<&BTreeMap<String, Digest>, PipelineError> {
        if let Some(known) = self.program_files.get() {
            return Ok(known);
        }
        let found = super::files::of_programs(self.spec)?;
        Ok(self.program_files.get_or_init(|| found))
    }

    /// Whether there is a dataset at all: a chain can go without one.
    pub fn has_dataset(&self) -> bool {
        self.spec.dataset.is_given() || self.spec.workflow.recorded().is_some()
    }

    /// Where the dataset lies on this machine: the spec's file, or the copy of a remote one. What was
    /// recorded stands in its place.
    pub fn dataset_path(&self) -> PathBuf {
        match (self.spec.workflow.recorded(), self.spec.dataset.url()) {
            (Some(recorded), _) => {
                let files = recorded_files(recorded, &|path| self.spec.resolve(path));
                // Without a file it leads nowhere, and whoever opens it is told.
                files.ok().and_then(|files| files.into_iter().next()).unwrap_or_default()
            }
            (None, Some(url)) => self.store.download_path(url),
            (None, None) => self.spec.resolve(&self.spec.dataset.path),
        }
    }

    /// The digest of the dataset's content; `None` where it is remote and was never downloaded.
    pub fn dataset_digest(&self) -> Result<Option<&Digest>, PipelineError> {
        if let Some(digest) = self.dataset.get() {
            return Ok(Some(digest));
        }
        if !self.has_dataset() {
            return Ok(Some(self.dataset.get_or_init(|| Digest::of(b""))));
        }
        if let Some(recorded) = self.spec.workflow.recorded() {
            let digest = self.recording_digest(recorded)?;
            return Ok(Some(self.dataset.get_or_init(|| digest)));
        }
        let path = self.dataset_path();
        if self.spec.dataset.url().is_some_and(|url| !self.store.has_download(url)) {
            return Ok(None);
        }
        let digest = dataset::open(&path)
            .and_then(|file| digest_of(&path, file))
            .map_err(|error| self.dataset_error(error))?;
        Ok(Some(self.dataset.get_or_init(|| digest)))
    }

    /// The digest of all that was recorded, file by file.
    fn recording_digest(&self, recorded: &RecordedSpec) -> Result<Digest, PipelineError> {
        let files = recorded_files(recorded, &|path| self.spec.resolve(path))
            .map_err(|error| error.in_spec(self.spec))?;
        let digests: Result<Vec<Digest>, _> = files
            .iter()
            .map(|path| dataset::open(path).and_then(|file| digest_of(path, file)))
            .collect();
        let digests = digests.map_err(|error| self.dataset_error(error))?;
        if let [only] = digests.as_slice() {
            return Ok(only.clone());
        }
        let all: Vec<String> = digests.iter().map(ToString::to_string).collect();
        Ok(Digest::of(all.join("\n").as_bytes()))
    }

    /// Hands every row of the dataset over; fails if the file changes meanwhile.
    pub fn dataset_rows(
        &self,
        each: &mut dyn FnMut(Row) -> Result<(), DatasetError>,
    ) -> Result<Counts, PipelineError> {
        if !self.has_dataset() {
            let item = Item { id: "1".to_owned(), ..Item::default() };
            each(Row::Item(item))?;
            return Ok(Counts { items: 1, ..Counts::default() });
        }
        let path = self.dataset_path();
        let before = self.dataset_digest()?.cloned();
        let workflow = &self.spec.workflow;
        let needs = Needs {
            fields: workflow.fields(),
            instead_of_question: workflow.instead_of_question(),
        };
        let counts = dataset::for_each_row(&self.spec.dataset, &needs, &path, each)?;
        let after = dataset::open(&path).and_then(|file| digest_of(&path, file))?;
        if before.is_some_and(|before| before != after) {
            return Err(DatasetError::Changed { path: path.display().to_string() }.into());
        }
        Ok(counts)
    }

    /// Downloads a remote dataset, unless that was done before. A copy stays until it is asked for
    /// again: other content would be another measurement.
    pub async fn fetch_dataset(&self, again: bool) -> Result<(), PipelineError> {
        let Some(url) = self.spec.dataset.url() else { return Ok(()) };
        let path = self.dataset_path();
        if again || !self.store.has_download(url) {
            self.store.make_downloads()?;
            self.observer.notice(&format!("downloading {}", dataset::shown_url(url)));
            dataset::download(url, &path).await.map_err(|error| self.dataset_error(error))?;
        }
        Ok(())
    }

    fn dataset_error(&self, error: DatasetError) -> PipelineError {
        let wrong = if self.spec.workflow.recorded().is_some() {
            let message = error.to_string().replacen("the dataset", "the recording", 1);
            self.spec.error_at("workflow.path", message)
        } else {
            self.spec.error_at("dataset.path", error.to_string())
        };
        wrong.help(self.spec.path_help()).because(error).into()
    }

    /// Waits between two levels, as long as the spec says.
    pub async fn cool_down(&self) -> Result<(), LoadError> {
        let pause = self.spec.concurrency.cooldown.to_std();
        if !self.measured.swap(true, Ordering::Relaxed) || pause.is_zero() {
            return Ok(());
        }
        tokio::select! {
            () = self.cancel.cancelled() => Err(LoadError::Cancelled),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }

    /// What is wrong with the workflow, where the spec can be blamed at its place in it.
    pub fn not_ready(&self, error: ConnectError) -> PipelineError {
        match &error {
            ConnectError::Client(message) => {
                self.spec.error_at("workflow", message.as_str()).because(error).into()
            }
            _ => error.into(),
        }
    }

    /// The workflow, made ready and seen to answer.
    pub async fn workflow(&self, stage: &StageId) -> Result<Arc<dyn Workflow>, PipelineError> {
        let connect = async || {
            self.spec.check_secrets(&process_env)?;
            let (spec, base_dir) = (&self.spec.workflow, self.spec.base_dir());
            let workflow = match &self.handed {
                Some(workflow) => {
                    let (workflow, redactor) = (Arc::clone(workflow), self.redactor.clone());
                    Arc::new(Redacted::new(workflow, redactor))
                }
                None => {
                    workflow::connect(spec, base_dir, &Vault::new(&process_env, &self.redactor))
                        .map_err(|error| self.not_ready(error))?
                }
            };
            let ready = tokio::select! {
                ready = workflow.check() => ready,
                () = self.cancel.cancelled() => {
                    workflow.close().await;
                    let stage = stage.clone();
                    return Err(PipelineError::Load { stage, error: LoadError::Cancelled });
                }
            };
            if let Err(failure) = ready {
                workflow.close().await;
                return Err(PipelineError::Unreachable { stage: None, kept: false, failure });
            }
            Ok(workflow)
        };
        self.workflow.get_or_try_init(connect).await.cloned()
    }

    /// Ends whatever was started for the workflow.
    pub async fn close(&self) {
        if let Some(workflow) = self.workflow.get() {
            workflow.close().await;
        }
    }
}

fn digest_of(path: &Path, file: File) -> Result<Digest, DatasetError> {
    let unreadable = |error| DatasetError::Unreadable { path: path.display().to_string(), error };
    Digest::of_reader(file).map_err(unreadable)
}
