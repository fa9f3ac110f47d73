//! Why a configuration of the reference cannot be used.

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("{file} cannot be read: {error}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
    /// It is no YAML.
    #[error("{file} is no YAML: {message}")]
    Syntax {
        /// The file.
        file: String,
        /// What is wrong, with line and column.
        message: String,
    },
    /// A part that is needed is not there or not as expected.
    #[error("{file}: {key}: {message}")]
    Key {
        /// The file.
        file: String,
        /// The dotted path.
        key: String,
        /// What is wrong, and what to do.
        message: String,
    },
}
