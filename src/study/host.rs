//! The stages of a study, as the engine plans and runs them.

use super::context::Context;
use super::graph_level::GraphLevel;
use super::outcome::StageOutcome;
use super::producer::Producer;
use super::reason::{Reason, RemeasureReason};
use super::stage_id::StageId;
use super::stages::{Artifacts, DatasetSlice, Product, Task, stage};
use super::state::State;
use super::{CancellationToken, PipelineError};
use crate::engine::{Claim, Host, Runner, Substitute};
use crate::load::LoadError;
use crate::store::{Digest, Manifest, Store};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::Path;

impl Host for Context {
    type Id = StageId;
    type RemakeReason = RemeasureReason;
    type Task = Box<dyn Task>;
    type Error = PipelineError;

    fn store(&self) -> &Store {
        &self.services.store
    }

    fn task(&self, id: &StageId) -> Result<Box<dyn Task>, PipelineError> {
        stage(id, self)
    }

    fn is_content_with_what_is_there(&self) -> bool {
        self.offline
    }

    fn substitute(&self, id: &StageId) -> Option<Substitute<RemeasureReason>> {
        let StageId::Sweep(level) = id else { return None };
        let GraphLevel { known, again, .. } = self.planned(*level)?;
        Some(Substitute { manifest: known.map(|known| known.manifest.clone()), again })
    }

    fn can_be_cut_short(&self, id: &StageId) -> bool {
        // Nothing else ends where a server is gone.
        id.asks_a_server()
    }

    fn explain(&self, id: &StageId, before: &Manifest, changes: &mut [String]) {
        if *id == StageId::Expand {
            say_how_many_rows(self, before, changes);
        }
    }

    fn is_locked(&self, id: &StageId) -> bool {
        id.is_locked()
    }

    fn state_of_unlocked(&self, id: &StageId, manifest: &Manifest) -> State {
        match id {
            StageId::Render(name) => report_state(&self.spec.output_dir().join(name), manifest),
            _ => State::Current,
        }
    }
}

impl Runner for Context {
    async fn make(
        &self,
        task: &Box<dyn Task>,
        inputs: BTreeMap<StageId, Digest>,
    ) -> Result<Product, PipelineError> {
        let artifacts = Artifacts::new(&self.services.store, inputs);
        task.run(&artifacts, &self.services).await
    }

    fn only_computes(&self, id: &StageId) -> bool {
        !self.measures(id)
    }

    fn claim(&self, id: &StageId) -> Claim {
        match (self.measures(id), self.beside_others) {
            (false, _) => Claim::default().and(CPU, 1),
            // Whatever computes meanwhile would take time from the load generator.
            (true, false) => Claim::default().and(CPU, usize::MAX),
            (true, true) => Claim::default(),
        }
    }

    fn needs_what_is_held(&self, id: &StageId) -> bool {
        self.measures(id)
    }

    async fn let_go(&self) {
        self.services.close().await;
    }

    fn may_run(&self, id: &StageId, reason: &Reason) -> Result<(), PipelineError> {
        let why = if self.offline && *id == StageId::Expand && !self.files.dataset_path().is_file()
        {
            "no dataset is downloaded here; an online `sizer run` does that"
        } else if self.offline && self.measures(id) {
            "nothing is measured here; an online `sizer run` does that"
        } else {
            return Ok(());
        };
        Err(PipelineError::Missing { stage: id.clone(), reason: reason.clone(), why })
    }

    fn not_selected(&self, id: &StageId, reason: &Reason) -> PipelineError {
        let why = "it was not selected; select it too, or run once without a selection";
        PipelineError::Missing { stage: id.clone(), reason: reason.clone(), why }
    }

    fn cancel(&self) -> &CancellationToken {
        &self.services.cancel
    }

    fn cancelled<'a>(&self, done: impl Iterator<Item = &'a StageId>) -> PipelineError {
        let levels = done.filter(|id| matches!(id, StageId::Sweep(_))).count();
        PipelineError::Cancelled { levels }
    }

    fn is_cancelled(&self, error: &PipelineError) -> bool {
        matches!(
            error,
            PipelineError::Cancelled { .. }
                | PipelineError::Load { error: LoadError::Cancelled, .. }
        )
    }

    fn wants_more(&self, reason: &Reason) -> bool {
        *reason == Reason::Again(RemeasureReason::FewRuns)
    }

    fn word(&self, reason: &Reason) -> String {
        reason.to_string()
    }

    fn notice(&self, text: &str) {
        self.services.observer.notice(text);
    }

    fn stage_started(&self, id: &StageId) {
        self.services.observer.stage_started(id);
    }

    fn stage_done(&self, outcome: &StageOutcome) {
        self.services.observer.stage_done(outcome);
    }

    fn stage_failed(&self, id: &StageId, error: &PipelineError) {
        self.services.observer.stage_failed(id, error);
    }
}

/// The resource of stages that compute: a core each.
pub(super) const CPU: &str = "cpu";

impl Context {
    /// Returns true if a stage contacts the system under test.
    fn measures(&self, id: &StageId) -> bool {
        id.asks_a_server() && Producer::of(&self.spec).measures()
    }
}

/// Adds to "content changed" what became of the number of rows, as far as both can be read.
fn say_how_many_rows(context: &Context, before: &Manifest, changes: &mut [String]) {
    let Some(change) = changes.iter_mut().find(|it| it.ends_with("content changed")) else {
        return;
    };
    let rows = |bytes: Vec<u8>| memchr::memchr_iter(b'\n', &bytes).count();
    let Ok(before) = context.services.store.read(&before.digest).map(rows) else { return };
    let mut now = 0_usize;
    let mut count = |_| {
        now += 1;
        Ok(())
    };
    if !Producer::of(&context.spec).measures()
        || DatasetSlice::of(&context.files).and_then(|it| it.rows(&mut count)).is_err()
    {
        return;
    }
    let named = |rows: usize| if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
    let what = match now.cmp(&before) {
        Ordering::Greater => format!("{} added", named(now - before)),
        Ordering::Less => format!("{} fewer", named(before - now)),
        Ordering::Equal => format!("{} as before", named(now)),
    };
    *change = format!("{change}: {what}");
}

/// The state of a report in the output folder.
fn report_state(path: &Path, manifest: &Manifest) -> State {
    match std::fs::File::open(path).and_then(Digest::of_reader) {
        Ok(digest) if digest == manifest.digest => State::Current,
        Ok(_) => State::Replaced,
        Err(_) => State::NotWritten,
    }
}
