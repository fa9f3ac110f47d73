//! How a caller stops a run.

pub use tokio_util::sync::CancellationToken;
