//! Why a level could not be measured.

/// Why a level has no record.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The user asked to stop.
    #[error("interrupted")]
    Cancelled,
    /// The system allows too few connections.
    #[error(transparent)]
    Files(#[from] super::TooFewFiles),
    /// The disk does not take what is recorded.
    #[error("the recording cannot be written: {0}")]
    Unwritten(String),
    /// A defect: a task of the load generator ended without its record.
    #[error("a task of the load generator stopped unexpectedly: {0}")]
    Lost(String),
}
