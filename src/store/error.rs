//! Errors of the store.

use std::path::Path;

/// Error of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file operation failed.
    #[error("{path}: cannot {action}: {error}")]
    Io {
        /// Action that failed, as in "cannot …".
        action: &'static str,
        /// File or folder concerned.
        path: String,
        /// Error of the system.
        #[source]
        error: std::io::Error,
    },
    /// A symbolic link is in the place of a file or folder of the store.
    #[error("{path} is a link, and sizer follows no links inside a store; remove the link")]
    Link {
        /// Path of the link.
        path: String,
    },
    /// Another process is working on the same store.
    #[error(
        "another sizer{} is working in {path}; wait until it is done, or run with --wait",
        pid_text(pid)
    )]
    Busy {
        /// Path of the store.
        path: String,
        /// Id of that process, as it recorded it; empty if unknown.
        pid: String,
    },
    /// Git could not tell what its commits refer to.
    #[error(
        "git cannot say which measurements its commits refer to ({message}), so nothing is removed"
    )]
    Git {
        /// Message of git, or of the attempt to run it.
        message: String,
    },
    /// A file that may name artifacts in use is too large to be read in full.
    #[error(
        "{path} is larger than {mib} MiB, so sizer cannot know everything that is in use, and removes nothing; \
         shorten it, or move it away"
    )]
    TooLong {
        /// Path of the file.
        path: String,
        /// Limit in MiB.
        mib: u64,
    },
    /// A file that names artifacts in use exists but cannot be read.
    #[error(
        "{path} cannot be read ({why}), so what it refers to is unknown, and nothing is changed; make it readable, \
         or move it away"
    )]
    Unknown {
        /// Path of the file.
        path: String,
        /// Reason why it cannot be read.
        why: String,
    },
    /// An artifact is missing, or does not match its digest.
    #[error("the artifact {digest} is damaged or missing")]
    Damaged {
        /// Digest of the artifact.
        digest: String,
    },
}

fn pid_text(pid: &str) -> String {
    if pid.is_empty() { String::new() } else { format!(" (process {pid})") }
}

/// Serialises a value as JSON for a file. A failure is an error, never an empty file.
pub(super) fn json(value: &impl serde::Serialize, path: &Path) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::io("write the file", path)(error.into()))
}

impl StoreError {
    pub(super) fn unknown(path: &Path, why: &dyn std::fmt::Display) -> Self {
        Self::Unknown { path: path.display().to_string(), why: why.to_string() }
    }

    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |error| Self::Io { action, path, error }
    }
}
