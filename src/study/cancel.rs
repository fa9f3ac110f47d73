//! The token by which a caller stops a run.

pub use tokio_util::sync::CancellationToken;
