//! Reasons why a plan cannot be carried out or shared.

/// Reason why a plan of a level cannot be carried out or shared.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Load point that stands for no load.
    #[error("a load of {0} cannot be made: levels and rates are above 0, and at most 1000000")]
    Point(String),
    /// Pacing that needs another kind of load point.
    #[error("{0}")]
    Pacing(&'static str),
    /// Number out of its bounds.
    #[error("`{key}` {bounds}")]
    OutOfBounds {
        /// Name of the number in the plan.
        key: &'static str,
        /// Bounds, in words.
        bounds: &'static str,
    },
    /// Level that is too small for so many shares.
    #[error("a load of {point} cannot be shared among {of}: some would have nothing to do")]
    TooManyShares {
        /// Load of the level.
        point: String,
        /// Number of shares asked for.
        of: u32,
    },
    /// Index that is not below the number of shares.
    #[error("there is no share {index} of {of}: shares are counted from 0")]
    NoSuchShare {
        /// Index of the share, from 0.
        index: u32,
        /// Number of shares.
        of: u32,
    },
    /// Empty text.
    #[error("there is no plan: it is read from stdin, as JSON")]
    Nothing,
    /// Text that is no plan.
    #[error("this is no plan: {0}")]
    NotAPlan(String),
    /// Text that exceeds the size limit.
    #[error("the plan is larger than {0}")]
    TooLarge(&'static str),
    /// Text that exceeds the limit of values.
    #[error("the plan has more than {0} values")]
    TooManyValues(usize),
    /// Plan of another version of sizer.
    #[error(
        "the plan is of version {found}, and this sizer reads version {known}: use the same sizer on all machines"
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
    #[error("the workflow cannot be part of a plan: a text of it looks like a reference")]
    Ambiguous,
    /// Workflow that would be a different one on each machine.
    #[error("{0}, so it cannot be shared: start the server once, and name its address")]
    NotShared(&'static str),
}
