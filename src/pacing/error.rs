//! Reasons why a load cannot be made as its numbers say.

/// Reason why the numbers of a load make no sense.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PacingError {
    /// Load point that stands for no load.
    #[error("a load of {0} is not possible: levels and rates must be above 0 and at most 1000000")]
    Point(String),
    /// Shape that needs another kind of load point.
    #[error("{0}")]
    Mismatch(&'static str),
    /// Number out of its bounds.
    #[error("`{key}` {bounds}")]
    OutOfBounds {
        /// Name of the number in the plan.
        key: &'static str,
        /// Bounds, in words.
        bounds: &'static str,
    },
    /// Index that is not below the number of shares.
    #[error("there is no share {index} of {of}: shares are counted from 0")]
    NoSuchShare {
        /// Index of the share, from 0.
        index: u32,
        /// Number of shares.
        of: u32,
    },
}
