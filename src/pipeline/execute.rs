//! Running a pipeline: stage by stage, each kept the moment it is done.

use super::context::Context;
use super::graph::StageId;
use super::keys::look_up;
use super::observer::Silent;
use super::plan::Reason;
use super::stages::{Artifacts, assemble, stage};
use super::{CancellationToken, Observer, Pipeline, PipelineError};
use crate::load::LoadError;
use crate::report::SizingResult;
use crate::store::{Digest, LockFile, Locked, Manifest, write_atomically};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How to run.
pub struct RunOptions {
    /// Watches the run.
    pub observer: Arc<dyn Observer>,
    /// Stops the run; finished stages are kept.
    pub cancel: CancellationToken,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self { observer: Arc::new(Silent), cancel: CancellationToken::new() }
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
    /// The result.
    pub result: SizingResult,
    /// Stage by stage.
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
    /// Runs every stage whose artifact is not there, in order, and writes the reports.
    pub async fn run(&self, options: RunOptions) -> Result<Outcome, PipelineError> {
        let context = Context::new(&self.spec, options.observer, options.cancel);
        let _owner = context.store.own()?;
        let mut lock = LockFile::beside(self.spec.base_dir(), &self.lock_name());
        let mut done = Done::default();
        let ran = self.run_stages(&context, &lock, &mut done).await;
        // Also after a failure: what is finished is what the next run begins with.
        let before = |id: &StageId| Some((id.to_string(), lock.get(&id.to_string())?.clone()));
        let mut locked: BTreeMap<String, Locked> =
            self.graph.stages().filter_map(|(id, _)| before(id)).collect();
        locked.extend(
            done.manifests.iter().map(|(id, manifest)| (id.to_string(), locked_of(manifest))),
        );
        lock.replace(locked)?;
        ran?;
        let artifacts = Artifacts::new(&context.store, done.digests());
        let result = assemble(&context, &artifacts)?;
        let reports = self.write_reports(&context, &done)?;
        Ok(Outcome { result, stages: done.reports, reports })
    }

    async fn run_stages(
        &self,
        context: &Context<'_>,
        lock: &LockFile,
        done: &mut Done,
    ) -> Result<(), PipelineError> {
        for (id, needs) in self.graph.stages() {
            if context.cancel.is_cancelled() {
                return Err(done.cancelled());
            }
            let began = Instant::now();
            let inputs: BTreeMap<String, Digest> = needs
                .iter()
                .filter_map(|need| {
                    Some((need.to_string(), done.manifests.get(*need)?.digest.clone()))
                })
                .collect();
            let candidate = look_up(context, lock, id, inputs)?;
            let (manifest, ran) = match candidate.found {
                Ok(manifest) => (manifest, None),
                Err(reason) => {
                    context.observer.stage_started(id);
                    let artifacts = Artifacts::new(&context.store, done.digests());
                    let bytes = match stage(id).run(context, &artifacts).await {
                        Err(PipelineError::Load { error: LoadError::Cancelled, .. }) => {
                            return Err(done.cancelled());
                        }
                        bytes => bytes?,
                    };
                    let name = id.to_string();
                    (
                        context.store.keep(&name, candidate.key, candidate.parts, &bytes)?,
                        Some(reason),
                    )
                }
            };
            let (digest, elapsed) = (manifest.digest.clone(), began.elapsed());
            let report = StageReport { id: id.clone(), ran, digest, elapsed };
            context.observer.stage_done(&report);
            done.reports.push(report);
            done.manifests.insert(id.clone(), manifest);
        }
        Ok(())
    }

    /// Puts the reports into the output folder, where they are not there already.
    fn write_reports(
        &self,
        context: &Context<'_>,
        done: &Done,
    ) -> Result<Vec<PathBuf>, PipelineError> {
        let dir = self.spec.resolve(&self.spec.outputs.dir);
        let mut paths = Vec::new();
        for (id, manifest) in &done.manifests {
            let StageId::Render(name) = id else { continue };
            let path = dir.join(name);
            let bytes = context.store.read(&manifest.digest)?;
            if std::fs::read(&path).ok().as_deref() != Some(&bytes) {
                write_atomically(&path, &bytes)?;
            }
            paths.push(path);
        }
        Ok(paths)
    }
}

/// The stages done so far.
#[derive(Default)]
struct Done {
    manifests: BTreeMap<StageId, Manifest>,
    reports: Vec<StageReport>,
}

impl Done {
    fn digests(&self) -> BTreeMap<StageId, Digest> {
        self.manifests.iter().map(|(id, manifest)| (id.clone(), manifest.digest.clone())).collect()
    }

    fn cancelled(&self) -> PipelineError {
        let levels = self.manifests.keys().filter(|id| matches!(id, StageId::Sweep(_))).count();
        PipelineError::Cancelled { levels }
    }
}

fn locked_of(manifest: &Manifest) -> Locked {
    Locked {
        key: manifest.key.clone(),
        digest: manifest.digest.clone(),
        size: manifest.size,
        tool: manifest.tool.clone(),
    }
}
