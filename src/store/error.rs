//! Why the store could not do its work.

use std::path::Path;

/// Why the store could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused.
    #[error("{path}: cannot {action}: {error}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// The file or folder.
        path: String,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
    /// A link where the store has a file or a folder of its own.
    #[error("{path} is a link, and none is followed inside a store; remove the link")]
    Link {
        /// The link.
        path: String,
    },
    /// Another process works on the same store.
    #[error(
        "another sizer{} is working in {path}; wait until it is done, or run with --wait",
        pid_text(pid)
    )]
    Busy {
        /// The store.
        path: String,
        /// Its process id, as it wrote it down.
        pid: String,
    },
    /// Git did not say what its commits refer to.
    #[error(
        "git cannot say which measurements its commits refer to ({message}), so nothing is removed"
    )]
    Git {
        /// What it said instead.
        message: String,
    },
    /// A file that is read in part may name what is in use.
    #[error(
        "{path} is larger than {mib} MiB, so that not all of what is in use is known, and nothing is removed; \
         shorten it, or move it away"
    )]
    TooLong {
        /// The file.
        path: String,
        /// So much of it is read.
        mib: u64,
    },
    /// A file that names what is in use is there and cannot be read.
    #[error(
        "{path} cannot be read ({why}), so what it names is not known, and nothing is changed; make it readable, or \
         move it away"
    )]
    Unknown {
        /// The file.
        path: String,
        /// What stands in the way.
        why: String,
    },
    /// An artifact is not what its manifest says.
    #[error("the artifact {digest} is damaged or missing")]
    Damaged {
        /// Its digest.
        digest: String,
    },
}

fn pid_text(pid: &str) -> String {
    if pid.is_empty() { String::new() } else { format!(" (process {pid})") }
}

/// A value as JSON for a file: an error where it cannot be written down, instead of an empty file.
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
