//! Errors of measuring a level.

use tokio::task::JoinError;

/// Reason why a level has no recording.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The user asked to stop.
    #[error("interrupted")]
    Cancelled,
    /// The system allows too few connections.
    #[error("{0}")]
    Files(#[from] super::TooFewFiles),
    /// The plan cannot be carried out.
    #[error("{0}")]
    Plan(#[from] super::PlanError),
    /// The disk does not take what is recorded.
    #[error("the recording cannot be written: {0}")]
    Unwritten(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A defect: a task of the load generator ended without its record.
    #[error("a task of the load generator stopped unexpectedly: {0}")]
    Lost(#[source] JoinError),
    /// A defect: the thread that writes the recording ended without it.
    #[error("a task of the load generator stopped unexpectedly: the one that writes the recording")]
    NoRecorder,
}
