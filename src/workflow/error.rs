//! Why a workflow could not be made ready.

use crate::spec::ReferenceError;

/// Why a workflow could not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A reference in the spec leads nowhere.
    #[error("{error} ({})", error.help())]
    Reference {
        /// What is wrong with it.
        #[source]
        error: ReferenceError,
    },
    /// The client cannot be built from these settings.
    #[error("{0}")]
    Client(String),
    /// The simulator cannot listen.
    #[error("the simulator cannot listen on a loopback port: {0}")]
    Listen(#[source] std::io::Error),
    /// The recording proxy cannot listen.
    #[error("the proxy for LLM calls cannot listen on its loopback port: {0}")]
    ProxyListen(#[source] std::io::Error),
}

impl From<ReferenceError> for ConnectError {
    fn from(error: ReferenceError) -> Self {
        Self::Reference { error }
    }
}
