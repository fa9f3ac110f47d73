//! Running a pipeline: the start and the end of a run.

use super::explorer::Explorer;
use super::finish::CompletedWork;
use super::outputs::{check_outputs, report_of_two};
use super::record::record;
use super::stage_id::StageId;
use super::{Outcome, Pipeline, PipelineError, Reason, RunOptions, Selection};
use crate::engine::{
    CacheLookup, Lease, Previous, Progress, ResolvedSelection, Resources, Run, RunLog, Settings,
    SharedRun, SingleFlight, UnknownStage, look_up, note_forced,
};
use crate::report::SizingResult;
use crate::spec::Spec;
use crate::store::{Invocation, LockState, Owner, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The place of a pipeline in a run of several.
pub(super) struct Place<'a> {
    /// The part of the run that all of them share.
    pub shared: &'a SharedRun,
    /// The position of its branch.
    pub branch: usize,
    /// The test rig, where it measures anything in a run of several.
    pub rig: Vec<Lease>,
    /// True if other rigs may be measured at the same time.
    pub beside_others: bool,
}

impl Pipeline {
    /// Runs every selected stage whose artifact is not there, in order, and writes the reports.
    pub async fn run(&self, options: RunOptions) -> Result<Outcome, PipelineError> {
        check_selection(&options.selection, std::slice::from_ref(self))?;
        let owner = own(self.spec(), &options).await?;
        self.note_forced(&options, &owner)?;
        self.run_alone(options, &owner).await
    }

    /// Runs as the only pipeline.
    pub(super) async fn run_alone(
        &self,
        options: RunOptions,
        owner: &Owner,
    ) -> Result<Outcome, PipelineError> {
        let shared = SharedRun { flights: SingleFlight::default(), resources: Resources::of(&[]) };
        let place = Place { shared: &shared, branch: 0, rig: Vec::new(), beside_others: false };
        self.run_owned(options, place, owner).await
    }

    /// Runs with the store in this process's hands already, and a checked selection.
    pub(super) async fn run_owned(
        &self,
        options: RunOptions,
        place: Place<'_>,
        owner: &Owner,
    ) -> Result<Outcome, PipelineError> {
        let spec = self.spec();
        check_outputs(spec)?;
        let chosen = options.selection.choose(self.graph(), spec.branch());
        let RunOptions { observer, cancel, selection, offline, keep_going, asked, .. } = options;
        let mut context = self.context(observer, cancel).owned(owner).offline(offline);
        context.beside_others = place.beside_others;
        let context = Arc::new(context);
        let mut previous = context.previous();
        if !context.services.store.is_read_only() {
            // Before anything is measured.
            previous.lock.check()?;
        }
        if let Some(notice) = lock_notice(previous.lock.state()) {
            context.services.observer.notice(&notice);
        }
        let renders = chosen.needed.iter().any(|id| matches!(id, StageId::Render(_)));
        if let Some(notice) = renders.then(|| report_of_two(spec)).flatten() {
            context.services.observer.notice(&notice);
        }
        let fetches = chosen.needed.contains(&StageId::Expand) && !offline;
        if fetches {
            let again = chosen.forced.contains(&StageId::Expand) || self.owes_dataset(&previous)?;
            context.fetch_dataset(again).await?;
        }
        let log = RunLog::begin();
        let mut explorer =
            Explorer::of(self, &context, &previous, &place.shared.flights, selection.clone());
        let progress = Progress {
            graph: explorer.first_graph(),
            chosen,
            manifests: BTreeMap::new(),
            missing: BTreeSet::new(),
            ran: BTreeSet::new(),
        };
        let settings = Settings {
            shared: place.shared,
            place: place.branch,
            name: spec.key_name(),
            selection,
            label: spec.branch().map(str::to_owned),
            keep_going,
            held: place.rig,
        };
        let mut run = Run::new(Arc::clone(&context), &previous, settings, progress);
        let ended = run.all(&mut explorer).await.and_then(|()| run.remember());
        context.services.close().await;
        let (progress, stages) = run.into_ended();
        let asked = Invocation { branch: spec.branch().map(str::to_owned), ..asked };
        let done = CompletedWork { progress: &progress, whole: ended.is_ok() };
        // Also after a failure: what is finished is what the next run begins with, and with
        // `keep_going` some reports may be there.
        let finished = self.finish(&context, &mut previous, &done);
        if let (Err(_), Ok((Some(result), _))) = (&ended, &finished) {
            context.services.observer.notice(&only_a_report_failed(result));
        }
        let outcome = ended.and(finished).map(|(result, reports)| Outcome {
            result,
            stages: stages.clone(),
            reports,
        });
        record(log, &context, asked, &progress.manifests, &stages, &outcome)?;
        outcome
    }

    /// Notes which stages are forced, before anything is done about it.
    pub(super) fn note_forced(
        &self,
        options: &RunOptions,
        owner: &Owner,
    ) -> Result<(), PipelineError> {
        let chosen = options.selection.choose(self.graph(), self.spec().branch());
        if options.offline || chosen.forced.is_empty() {
            return Ok(());
        }
        // What is there is looked for, whether or not it is owed already.
        let context = self.at_rest().owned(owner).offline(true);
        note_forced(&context, &context.previous(), self.graph(), &chosen)
    }

    /// Returns true if a remote dataset was to be downloaded again in a run that was stopped before it was.
    fn owes_dataset(&self, previous: &Previous) -> Result<bool, PipelineError> {
        // One that lies on this machine is read by whoever needs it; to look at it here would be to read it twice.
        if self.spec().dataset.url().is_none() {
            return Ok(false);
        }
        let context = self.at_rest();
        // One that was never downloaded is downloaded anyway.
        if context.files.dataset()?.digest.is_none() {
            return Ok(false);
        }
        let (inputs, chosen) = (BTreeMap::new(), ResolvedSelection::nothing());
        let expand = look_up(&context, previous, &StageId::Expand, &inputs, &chosen)?;
        Ok(matches!(expand.found, CacheLookup::Miss(Reason::Owed)))
    }
}

/// Refuses a name that means no stage in any of the pipelines.
pub(super) fn check_selection(
    selection: &Selection,
    pipelines: &[Pipeline],
) -> Result<(), PipelineError> {
    let graphs: Vec<_> = pipelines.iter().map(|it| (it.graph(), it.spec().branch())).collect();
    selection.check(&graphs).map_err(|UnknownStage { pattern }| {
        let stages = graphs.iter().take(1).flat_map(|(graph, _)| graph.stages());
        PipelineError::NoSuchStage {
            pattern,
            stages: stages.map(|(id, _)| id.to_string()).collect(),
        }
    })
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
            "sizer.lock has merge conflicts; it is rebuilt from both sides and the store".into(),
        ),
        LockState::Unreadable(why) => {
            Some(format!("sizer.lock cannot be read ({why}); it is rebuilt from the store"))
        }
    }
}

/// Tells the answer of a run in which all that it rests on was done.
fn only_a_report_failed(result: &SizingResult) -> String {
    let answer = result.recommendation().unwrap_or_default();
    format!("{answer} Only a report failed; the next run measures nothing again").trim().to_owned()
}
