//! Errors while a workflow is prepared.

use crate::language::ReferenceError;

/// Error while a workflow is prepared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// A reference in the spec cannot be resolved.
    #[error("{error} ({})", error.help())]
    Reference {
        /// Underlying error.
        #[source]
        error: ReferenceError,
    },
    /// The client cannot be built from the settings.
    #[error("{0}")]
    Client(String),
    /// The simulator cannot listen on its port.
    #[error("the simulator cannot listen on a loopback port: {0}")]
    Listen(#[source] std::io::Error),
    /// The recording proxy cannot listen on its port.
    #[error("the proxy for LLM calls cannot listen on its loopback port: {0}")]
    ProxyListen(#[source] std::io::Error),
}

impl From<ReferenceError> for ConnectError {
    fn from(error: ReferenceError) -> Self {
        Self::Reference { error }
    }
}
