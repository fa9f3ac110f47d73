//! The seam between the engine and those who use it.

use super::id::Id;
use super::outcome::StageOutcome;
use super::reason::Reason;
use super::resources::Claim;
use super::state::{StageStatus, State};
use super::task::{Product, Task};
use crate::store::{Digest, Manifest, Store, StoreError};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Debug;
use tokio_util::sync::CancellationToken;

/// Everything that the engine has to be told of the stages that it looks up.
pub(crate) trait Host: Send + Sync + 'static {
    /// Names of stages.
    type Id: Id;
    /// Reasons of the host's own to make a sound artifact again.
    type RemakeReason: Clone + Debug + PartialEq + Send + Sync;
    /// A stage with its slice.
    type Task: Task;
    /// Errors of stages.
    type Error: Error + From<StoreError> + Send + Sync + 'static;

    /// The store of all artifacts.
    fn store(&self) -> &Store;

    /// The stage behind a name, with its slice.
    fn task(&self, id: &Self::Id) -> Result<Self::Task, Self::Error>;

    /// Returns true if existing artifacts have to suffice, even those that were cut short or are owed.
    fn is_content_with_what_is_there(&self) -> bool;

    /// The artifact that stands for a stage's whatever its key, if there is one.
    fn substitute(&self, id: &Self::Id) -> Option<Substitute<Self::RemakeReason>>;

    /// Returns true if a stage can end before its time and still leave something.
    fn can_be_cut_short(&self, id: &Self::Id) -> bool;

    /// Adds to the differences in what a stage reads whatever only the host can tell of them.
    fn explain(&self, id: &Self::Id, before: &Manifest, changes: &mut [String]);

    /// Returns true if the lock file lists a stage.
    fn is_locked(&self, id: &Self::Id) -> bool;

    /// The state of a stage whose artifact is sound and that the lock file does not list.
    fn state_of_unlocked(&self, id: &Self::Id, manifest: &Manifest) -> StateOf<Self>;
}

/// The reason why a stage of a host has to run.
pub(crate) type ReasonOf<H> = Reason<<H as Host>::Id, <H as Host>::RemakeReason>;

/// The state of a stage of a host.
pub(crate) type StateOf<H> = State<<H as Host>::Id, <H as Host>::RemakeReason>;

/// The outcome of a stage of a host.
pub(crate) type OutcomeOf<H> = StageOutcome<<H as Host>::Id, <H as Host>::RemakeReason>;

/// The status of a stage of a host.
pub(crate) type StatusOf<H> = StageStatus<<H as Host>::Id, <H as Host>::RemakeReason>;

/// An artifact that stands for a stage's whatever its key.
pub(crate) struct Substitute<A> {
    /// Its manifest.
    pub manifest: Option<Manifest>,
    /// The reason why another one is made all the same.
    pub again: Option<A>,
}

/// Everything that the engine has to be told to run stages.
pub(crate) trait Runner: Host {
    /// Makes the artifact of a stage from those that it reads.
    fn make(
        &self,
        task: &Self::Task,
        inputs: BTreeMap<Self::Id, Digest>,
    ) -> impl Future<Output = Result<Product<Self::Error>, Self::Error>> + Send;

    /// Returns true if a stage only computes, and so can have a thread of its own.
    fn only_computes(&self, id: &Self::Id) -> bool;

    /// The resources that a stage has to itself while it runs.
    fn claim(&self, id: &Self::Id) -> Claim;

    /// Returns true if a stage needs the resources that its graph holds from the beginning.
    fn needs_what_is_held(&self, id: &Self::Id) -> bool;

    /// Ends whatever uses the resources that the graph holds, before they are given back.
    fn let_go(&self) -> impl Future<Output = ()> + Send;

    /// The error of a stage that may not run, for a reason of the host's.
    fn may_run(&self, id: &Self::Id, reason: &ReasonOf<Self>) -> Result<(), Self::Error>;

    /// The error of a stage that was not selected.
    fn not_selected(&self, id: &Self::Id, reason: &ReasonOf<Self>) -> Self::Error;

    /// The token by which the run is stopped.
    fn cancel(&self) -> &CancellationToken;

    /// The error of a run that was stopped with these stages done.
    fn cancelled<'a>(&self, done: impl Iterator<Item = &'a Self::Id>) -> Self::Error;

    /// Returns true if an error says that the run, or a stage of it, was stopped.
    fn is_cancelled(&self, error: &Self::Error) -> bool;

    /// Returns true if an artifact that was made in this run may still be less than this graph wants.
    fn wants_more(&self, reason: &ReasonOf<Self>) -> bool;

    /// A reason in words, for the log.
    fn word(&self, reason: &ReasonOf<Self>) -> String;

    /// Something that the user should know.
    fn notice(&self, text: &str);

    /// A stage begins to run.
    fn stage_started(&self, id: &Self::Id);

    /// A stage is done: it ran, or its artifact was there.
    fn stage_done(&self, outcome: &OutcomeOf<Self>);

    /// A stage failed, and the run goes on without it.
    fn stage_failed(&self, id: &Self::Id, error: &Self::Error);
}
