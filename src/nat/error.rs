//! Errors of reading a configuration of the reference.

/// Reason why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("{file} cannot be read: {error}")]
    Unreadable {
        /// The file.
        file: String,
        /// Error of the system.
        #[source]
        error: std::io::Error,
    },
    /// The file is not valid YAML, or holds no keys.
    #[error("{file}: {message}")]
    Syntax {
        /// The file.
        file: String,
        /// Description of the error, with line and column.
        message: String,
    },
    /// A required part is missing or not as expected.
    #[error("{file}: {key}: {message}")]
    Key {
        /// The file.
        file: String,
        /// Dotted path of the key.
        key: String,
        /// Description of the error, with a remedy.
        message: String,
    },
}
