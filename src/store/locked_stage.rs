//! Stanza of a stage in the lock file, and the state of the file.

use super::{Digest, Key};
use serde::{Deserialize, Serialize};

/// Stanza of one stage in the lock file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedStage {
    /// Key of the stage.
    pub key: Key,
    /// Digest of its artifact.
    pub digest: Digest,
    /// Size of its artifact in bytes.
    pub size: u64,
    /// Version of sizer that made the artifact.
    pub tool: String,
}

/// State in which a lock file was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LockState {
    /// Absent, or as sizer wrote it.
    Sound,
    /// Git left conflict markers, or merged two sides that disagree about a stage; the stanzas of both sides
    /// were read.
    Conflicted,
    /// Not a lock file; nothing was read.
    Unreadable(String),
    /// The system refuses to read it, so its content is unknown.
    Refused(String),
}
