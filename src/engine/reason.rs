//! Reasons why stages have to run.

/// The reason why a stage has to run: one that every stage can have, or one (`A`) of those who use the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(unnameable_types, reason = "its alias in `study` is its public name")]
#[non_exhaustive]
pub enum Reason<I, A> {
    /// There is no trace of an earlier run.
    NeverRan,
    /// It ran elsewhere, or was collected: the lock file or an earlier run knows it, this store
    /// does not.
    NotInStore,
    /// Its artifact is there but is not what it was.
    Damaged,
    /// This version of the program does the stage differently.
    NewVersion,
    /// The user asked for it.
    Forced,
    /// The user asked for it in a run that was stopped before it was done.
    Owed,
    /// Its artifact ends before its time, so it is made again where that can be.
    CutShort,
    /// Its artifact is sound, and another one is wanted all the same.
    Again(A),
    /// Its slice, or the content of a file in it, changed.
    Changed(Vec<String>),
    /// The artifacts of these stages, which it reads, changed.
    InputsChanged(Vec<String>),
    /// The stages with this label make the same artifact.
    SharedWith(String),
    /// Another stage has to run first; whether this one must is known only then.
    Needs(Vec<I>),
}

impl<I, A> Reason<I, A> {
    /// Returns true if the stage runs although an intact artifact is there.
    pub(super) fn is_to_be_made_all_the_same(&self) -> bool {
        matches!(self, Self::Again(_) | Self::Owed | Self::CutShort)
    }
}
