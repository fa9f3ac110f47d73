//! Reasons why a plan cannot be carried out or shared.

use crate::pacing::PacingError;

/// Reason why a plan of a level cannot be carried out or shared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Load point, pacing or share that makes no sense.
    #[error(transparent)]
    Pacing(#[from] PacingError),
    /// Level that is too small for so many shares.
    #[error("a load of {point} cannot be split into {of} shares: some would have nothing to do")]
    TooManyShares {
        /// Load of the level.
        point: String,
        /// Number of shares asked for.
        of: u32,
    },
    /// Empty text.
    #[error("no plan was given: it is read from stdin, as JSON")]
    Nothing,
    /// Text that is not a plan.
    #[error("this is not a plan: {0}")]
    NotAPlan(String),
    /// Text that exceeds the size limit.
    #[error("the plan is larger than {0}")]
    TooLarge(&'static str),
    /// Text that exceeds the limit of values.
    #[error("the plan has more than {0} values")]
    TooManyValues(usize),
    /// Plan of another version of sizer.
    #[error(
        "the plan has version {found}, but this sizer reads version {known}: use the same version of sizer on all \
         machines"
    )]
    Version {
        /// Version of the plan.
        found: u32,
        /// Version that this sizer reads.
        known: u32,
    },
    /// Workflow that a plan cannot hold.
    #[error("the workflow cannot be part of a plan: {0}")]
    Workflow(#[source] crate::spec::SpecError),
    /// Workflow that does not read as it was written.
    #[error("the workflow cannot be part of a plan: one of its texts looks like a reference")]
    Ambiguous,
    /// Workflow that would be a different one on each machine.
    #[error("{0}, so it cannot be shared: start the server once, and name its address")]
    NotShared(&'static str),
}
