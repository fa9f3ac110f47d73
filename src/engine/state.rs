//! The states of stages.

use super::reason::Reason;

/// The state of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(unnameable_types, reason = "its alias in `study` is its public name")]
#[non_exhaustive]
pub enum State<I, A> {
    /// Its slice and inputs, the lock file and the store agree.
    Current,
    /// The lock file is right about what it reads; the artifact is elsewhere.
    NotHere,
    /// The artifact is here, but not what the lock file says.
    Damaged,
    /// The artifact is here, and the lock file does not know it.
    NotLocked,
    /// Its slice or its inputs have changed since, or it never ran.
    Stale(Reason<I, A>),
    /// The lock file knows a stage that the graph no longer has.
    Left,
    /// The artifact is in the store, and not in the folder where people look for it.
    NotWritten,
    /// The artifact is in the store, and in that folder there is another in its place.
    Replaced,
}

/// One stage's status.
#[derive(Clone, Debug)]
#[expect(unnameable_types, reason = "its alias in `study` is its public name")]
#[non_exhaustive]
pub struct StageStatus<I, A> {
    /// The stage's name.
    pub stage: String,
    /// Its state.
    pub state: State<I, A>,
}
