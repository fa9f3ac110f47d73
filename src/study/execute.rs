//! Running a pipeline: the start and the end of a run.

use super::context::Context;
use super::diary::Diary;
use super::finish::Done;
use super::keys::Last;
use super::made::Made;
use super::outputs::{check_outputs, report_of_two};
use super::running::Running;
use super::stage_id::StageId;
use super::{Outcome, Pipeline, PipelineError, RunOptions};
use crate::spec::Spec;
use crate::store::{Asked, LockState, Owner, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

impl Pipeline {
    /// Runs every selected stage whose artifact is not there, in order, and writes the reports.
    pub async fn run(&self, options: RunOptions) -> Result<Outcome, PipelineError> {
        options.selection.check(std::slice::from_ref(self))?;
        let owner = own(&self.spec, &options).await?;
        self.note_forced(&options, &owner)?;
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
        let mut chosen = options.selection.choose(&self.graph, self.spec.branch());
        if self.spec.workflow.recorded().is_some() && self.graph.levels().is_empty() {
            // What cannot be read has no levels to need it, and is an error all the same.
            chosen.needed.insert(StageId::Expand);
            chosen.wanted.insert(StageId::Expand);
        }
        let RunOptions { observer, cancel, selection, offline, keep_going, asked, .. } = options;
        let context = Context::new(&self.spec, &self.graph, observer, cancel);
        let context = context.handed(self.workflow.clone()).owned(owner).offline(offline);
        let mut last = Last::of(&self.spec, &context.services.store);
        if !context.services.store.is_read_only() {
            // Before anything is measured.
            last.lock.check()?;
        }
        if let Some(notice) = lock_notice(last.lock.state()) {
            context.services.observer.notice(&notice);
        }
        let renders = chosen.needed.iter().any(|id| matches!(id, StageId::Render(_)));
        if let Some(notice) = renders.then(|| report_of_two(&self.spec)).flatten() {
            context.services.observer.notice(&notice);
        }
        let fetches = chosen.needed.contains(&StageId::Expand) && !offline;
        if fetches {
            let again = chosen.forced.contains(&StageId::Expand) || self.owes_dataset(&last)?;
            context.fetch_dataset(again).await?;
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
            keep_going,
            manifests: BTreeMap::new(),
            missing: BTreeSet::new(),
            ran: BTreeSet::new(),
            reports: Vec::new(),
        };
        let ended = run.everything(&last).await.and_then(|()| run.remember(&last.latest));
        context.services.close().await;
        let Running { manifests, reports: stages, graph, ran, .. } = run;
        let asked = Asked { branch: self.spec.branch().map(str::to_owned), ..asked };
        let done = Done { graph: &graph, manifests: &manifests, ran: &ran, whole: ended.is_ok() };
        // Also after a failure: what is finished is what the next run begins with, and with
        // `keep_going` some reports may be there.
        let finished = self.finish(&context, &mut last, &done);
        let outcome = ended.and(finished).map(|(result, reports)| Outcome {
            result,
            stages: stages.clone(),
            reports,
        });
        diary.end((&context, &graph, asked), &manifests, &stages, &outcome)?;
        outcome
    }
}

/// Takes ownership of the store beside a spec, waiting for another process if `options.wait`. Offline, a store that
/// cannot be written is opened for reading.
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

/// A notice about a lock file that is not as sizer wrote it.
fn lock_notice(state: &LockState) -> Option<String> {
    match state {
        // Whoever would write it fails.
        LockState::Sound | LockState::Refused(_) => None,
        LockState::Conflicted => Some(
            "sizer.lock has merge conflicts; it is written anew from both sides and the store"
                .into(),
        ),
        LockState::Unreadable(why) => {
            Some(format!("sizer.lock cannot be read ({why}); it is written anew from the store"))
        }
    }
}
