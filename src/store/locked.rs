//! What a lock file says of a stage, and in what state it was found.

use super::{Digest, Key};
use serde::{Deserialize, Serialize};

/// One stage's stanza in the lock file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locked {
    /// The stage's key.
    pub key: Key,
    /// Digest of its artifact.
    pub digest: Digest,
    /// Size of its artifact in bytes.
    pub size: u64,
    /// Version of sizer that made it.
    pub tool: String,
}

/// In what state a lock file was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockState {
    /// It is as sizer wrote it, or absent.
    Sound,
    /// Git left conflict markers in it, or joined two sides that say something else of one stage;
    /// whatever either side says was read.
    Conflicted,
    /// It is no lock file; nothing was read.
    Unreadable(String),
    /// It is there, and the system does not let it be read: nobody knows what it says.
    Refused(String),
}
