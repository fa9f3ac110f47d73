//! All branches of a spec: one pipeline, or one per combination of its matrix.
//!
//! Branches share what is equal through the store: a stage whose key another branch has made
//! already is there, so a dataset is expanded once, and branches that differ in their targets
//! alone are measured once.
//!
//! Branches on one test rig are measured one after the other: each holds the rig from its beginning to its last level.
//! Stages that only compute run in parallel, but not beside a measurement that has this machine to itself.

use super::execute::{Place, check_selection, own};
use super::host::CPU;
use super::outputs::COMPARISON;
use super::producer::Producer;
use super::rigs::by_rig;
use super::{
    CheckSummary, Outcome, Pipeline, PipelineError, PlannedStage, Reason, RunOptions, Selection,
    StageStatus, Status,
};
use crate::engine::{Claim, Lease, Resources, SharedRun, SingleFlight};
use crate::load::Executor;
use crate::redact::printable;
use crate::report::{Comparison, SizingResult};
use crate::spec::SpecSet;
use crate::store::{LockState, Owner, write_if_changed};
use futures_util::stream::{FuturesOrdered, StreamExt};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;

/// The pipelines of a spec, in the order of its matrix. Never empty.
pub struct Study {
    pipelines: Vec<Pipeline>,
}

/// The resource of rigs that are measured at the same time.
const RIGS: &str = "rigs";

/// State shared by the branches of one run.
struct StudyRun<'a> {
    options: &'a RunOptions,
    owner: &'a Owner,
    shared: SharedRun,
    /// No further branch begins.
    stop: AtomicBool,
}

/// Branches with their labels, `None` without a matrix.
type Branches = Vec<(Option<String>, Outcome)>;

/// A branch by its label, and how it ended.
type BranchOutcome = (Option<String>, Result<Outcome, PipelineError>);

/// The outcomes with their labels and the branches of which offline nothing is there, or the first failure;
/// what was stopped counts all finished levels.
fn one_or_error(
    ended: Vec<BranchOutcome>,
    offline: bool,
) -> Result<(Branches, Vec<MissingBranch>), PipelineError> {
    let any = ended.iter().any(|(_, outcome)| outcome.is_ok());
    let mut outcomes = Vec::new();
    let mut missing = Vec::new();
    let mut failure = None;
    let mut stopped = None;
    for (label, outcome) in ended {
        match outcome {
            Ok(outcome) => outcomes.push((label, outcome)),
            Err(error @ PipelineError::Missing { .. }) if offline && any => {
                missing.push(MissingBranch { branch: label.unwrap_or_default(), error });
            }
            Err(PipelineError::Cancelled { levels }) => *stopped.get_or_insert(0) += levels,
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    match (stopped, failure) {
        (Some(levels), _) => Err(PipelineError::Cancelled { levels }),
        (None, Some(error)) => Err(error),
        (None, None) => Ok((outcomes, missing)),
    }
}

/// Stages of a branch with its label; `None` without a matrix.
pub type BranchStages<'a, T> = (Option<&'a str>, Vec<T>);

/// The outcome of a run of all branches.
#[derive(Debug)]
#[non_exhaustive]
pub struct StudyOutcome {
    /// Branch by branch; the label is `None` without a matrix.
    pub branches: Vec<(Option<String>, Outcome)>,
    /// The branches side by side, where there is a matrix and every branch has a result.
    pub comparison: Option<Comparison>,
    /// Branches that, offline, have nothing in the store, while others have.
    pub missing: Vec<MissingBranch>,
    /// All reports, as they lie on disk.
    pub reports: Vec<PathBuf>,
}

/// A branch that has nothing in the store.
#[derive(Debug)]
#[non_exhaustive]
pub struct MissingBranch {
    /// Its label.
    pub branch: String,
    /// The artifact that is missing, and what to do.
    pub error: PipelineError,
}

impl Study {
    /// Opens the pipelines of a spec. A file that several of them read is digested once.
    pub fn open(specs: impl Into<SpecSet>) -> Result<Self, PipelineError> {
        let digests = Arc::default();
        let specs = specs.into().into_specs().into_iter();
        let pipelines = specs.map(|spec| Pipeline::open_with(spec, &digests));
        Ok(Self { pipelines: pipelines.collect::<Result<_, _>>()? })
    }

    /// The same with another executor for the levels of all branches.
    #[must_use]
    pub fn with_executor(self, executor: &Arc<dyn Executor>) -> Self {
        let pipelines = self.pipelines.into_iter();
        let pipelines = pipelines.map(|it| it.with_executor(Arc::clone(executor)));
        Self { pipelines: pipelines.collect() }
    }

    /// The pipeline of a spec without a matrix.
    pub fn single(&self) -> Option<&Pipeline> {
        match self.pipelines.as_slice() {
            [pipeline] => Some(pipeline),
            _ => None,
        }
    }

    /// The pipelines with the labels of their branches.
    pub fn branches(&self) -> impl Iterator<Item = (Option<&str>, &Pipeline)> {
        self.pipelines.iter().map(|pipeline| (pipeline.spec().branch(), pipeline))
    }

    fn first(&self) -> Result<&Pipeline, PipelineError> {
        self.pipelines.first().ok_or(PipelineError::NoBranch)
    }

    /// Runs all branches and compares them: those on one test rig are measured one after the other, those on
    /// different rigs up to `jobs` at a time.
    pub async fn run(&self, options: RunOptions) -> Result<StudyOutcome, PipelineError> {
        self.check_selection(&options.selection)?;
        let first = self.first()?;
        let owner = own(first.spec(), &options).await?;
        for pipeline in &self.pipelines {
            pipeline.note_forced(&options, &owner)?;
        }
        // The stages of one branch run one after the other, so only several branches can use several cores.
        let several = || available_parallelism().map_or(1, NonZeroUsize::get);
        let cores = self.single().map_or_else(several, |_| 1);
        let resources = Resources::of(&[(CPU, cores), (RIGS, options.jobs.get())]);
        let run = StudyRun {
            options: &options,
            owner: &owner,
            shared: SharedRun { flights: SingleFlight::default(), resources },
            stop: AtomicBool::new(false),
        };
        let branches = self.pipelines.iter().zip(self.rigs(&options)).enumerate();
        // Only branches for which something has happened are woken, and not those that wait while another is measured.
        let branches: FuturesOrdered<_> =
            branches.map(|(at, (pipeline, rig))| run.branch(at, pipeline, rig)).collect();
        let ended: Vec<Option<BranchOutcome>> = branches.collect().await;
        let ended = ended.into_iter().flatten().collect();
        let (branches, missing) = one_or_error(ended, options.offline)?;
        let mut reports: Vec<PathBuf> =
            branches.iter().flat_map(|(_, outcome)| outcome.reports.clone()).collect();
        let comparison = self.compare(&branches, &missing);
        // A selection that renders nothing writes no comparison either.
        if let Some(comparison) = comparison.as_ref().filter(|_| !reports.is_empty()) {
            let dir = first.spec().resolve(&first.spec().outputs.dir);
            let texts = [comparison.to_markdown(), comparison.to_json()?];
            let texts = texts.map(|text| printable(&text).into_owned());
            for (name, text) in COMPARISON.iter().zip(texts) {
                let path = dir.join(name);
                write_if_changed(&path, text.as_bytes())?;
                reports.push(path);
            }
        }
        Ok(StudyOutcome { branches, comparison, missing, reports })
    }

    /// The test rig of each branch, where it measures anything.
    fn rigs(&self, options: &RunOptions) -> Vec<Option<String>> {
        let mut rigs = vec![None; self.pipelines.len()];
        for branches in by_rig(self.pipelines.iter().map(Pipeline::spec)) {
            let name = branches.first().map(|first| format!("rig({first})"));
            for branch in branches {
                let pipeline = self.pipelines.get(branch);
                let measures = pipeline.is_some_and(|it| Producer::of(it.spec()).measures());
                if let (Some(rig), true) = (rigs.get_mut(branch), measures) {
                    rig.clone_from(&name);
                }
            }
        }
        if options.offline { vec![None; rigs.len()] } else { rigs }
    }

    fn compare(
        &self,
        branches: &[(Option<String>, Outcome)],
        missing: &[MissingBranch],
    ) -> Option<Comparison> {
        let labelled = branches
            .iter()
            .map(|(label, outcome)| Some((label.clone()?, outcome.result.as_ref()?)));
        let labelled: Vec<(String, &SizingResult)> = labelled.collect::<Option<_>>()?;
        let missing: Vec<String> = missing.iter().map(|it| it.branch.clone()).collect();
        let complete = labelled.len() + missing.len() == self.pipelines.len();
        let name = &self.pipelines.first()?.spec().name;
        complete.then(|| Comparison::of(name, &labelled, &missing))
    }

    /// Plans a run, branch by branch.
    pub fn plan(
        &self,
        selection: &Selection,
    ) -> Result<Vec<BranchStages<'_, PlannedStage>>, PipelineError> {
        self.check_selection(selection)?;
        let mut made_before = BTreeMap::new();
        let mut plans = Vec::new();
        for (label, pipeline) in self.branches() {
            let mut stages = pipeline.plan_checked(selection, false)?.stages;
            for stage in &mut stages {
                let (Some(key), Status::Run(_), Some(label)) = (&stage.key, &stage.status, label)
                else {
                    continue;
                };
                let first: &mut String =
                    made_before.entry(key.clone()).or_insert_with(|| label.to_owned());
                if first != label {
                    stage.status = Status::Run(Reason::SharedWith(first.clone()));
                }
            }
            plans.push((label, stages));
        }
        Ok(plans)
    }

    /// Compares spec, lock file and store, branch by branch.
    pub fn status(&self) -> Result<(LockState, Vec<BranchStages<'_, StageStatus>>), PipelineError> {
        let mut lock = LockState::Sound;
        let mut all = Vec::new();
        for (label, pipeline) in self.branches() {
            let (state, stages) = pipeline.status()?;
            lock = state;
            all.push((label, stages));
        }
        Ok((lock, all))
    }

    /// Checks the files and variables of every branch; what the first amounts to, and how many
    /// there are.
    pub(crate) fn check(&self) -> Result<(CheckSummary, usize), PipelineError> {
        let checked = self.pipelines.iter().map(Pipeline::check);
        let checked: Vec<CheckSummary> = checked.collect::<Result<_, _>>()?;
        let first = checked.first().copied().ok_or(PipelineError::NoBranch)?;
        Ok((first, checked.len()))
    }

    /// The artifacts of all stages that a name means, one after the other.
    pub fn artifact(&self, stage: &str) -> Result<Vec<u8>, PipelineError> {
        self.check_selection(&Selection::only(stage))?;
        let mut bytes = Vec::new();
        for pipeline in &self.pipelines {
            bytes.extend(pipeline.artifact(stage)?);
        }
        Ok(bytes)
    }

    /// A name that no branch knows is a slip, one that some branches know is not.
    fn check_selection(&self, selection: &Selection) -> Result<(), PipelineError> {
        check_selection(selection, &self.pipelines)
    }
}

impl StudyRun<'_> {
    /// Runs a branch; `None` if the run ended before it began. A failure lets no other branch begin, unless the rest is
    /// to be run all the same.
    async fn branch(
        &self,
        at: usize,
        pipeline: &Pipeline,
        rig: Option<String>,
    ) -> Option<BranchOutcome> {
        let rig = self.rig(at, rig).await;
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        let label = pipeline.spec().branch().map(str::to_owned);
        let mut options = self.options.clone();
        if let Some(own) = label.as_deref().and_then(|it| options.observer.branch_started(it)) {
            options.observer = own;
        }
        let beside_others = options.jobs > NonZeroUsize::MIN;
        let place = Place { shared: &self.shared, branch: at, rig, beside_others };
        let outcome = pipeline.run_owned(options, place, self.owner).await;
        let cancelled = matches!(outcome, Err(PipelineError::Cancelled { .. }));
        // What is there of other branches can be told without it.
        let missing = matches!(outcome, Err(PipelineError::Missing { .. }));
        let goes_on = self.options.keep_going || (self.options.offline && missing);
        if cancelled || (outcome.is_err() && !goes_on) {
            self.stop.store(true, Ordering::Relaxed);
        }
        Some((label, outcome))
    }

    /// Waits for a test rig, and then until few enough are measured: whoever waits for a rig keeps no other waiting.
    async fn rig(&self, at: usize, rig: Option<String>) -> Vec<Lease> {
        let Some(rig) = rig else { return Vec::new() };
        let mut leases = Vec::new();
        for resource in [rig.as_str(), RIGS] {
            let claim = Claim::default().and(resource, 1);
            leases.push(self.shared.resources.lease(at, claim).await);
        }
        leases
    }
}
