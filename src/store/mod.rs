//! Artifacts on disk: content-addressed objects, manifests that say what made them, the lock file.

mod artifacts;
mod atomic;
mod commits;
mod error;
mod folder;
mod folders;
mod gc;
mod git;
mod latest;
mod lock_file;
mod lock_text;
mod locked;
mod manifest;
mod memory;
mod objects;
mod owed;
mod owner;
mod root;
mod runs;
mod staged;
mod temporary;
mod written;

pub use atomic::{write_atomically, write_if_changed};
pub use error::StoreError;
pub use gc::{Garbage, GcRules, Piece, Why};
pub use lock_file::LockFile;
pub use locked::{LockState, Locked};
pub use manifest::{Digest, Key, Manifest, Parts, key_of};
pub use owner::Owner;
pub use root::Store;
pub use runs::{Exit, RunRecord};
pub use staged::{Content, Staged};
pub use written::Written;

/// Entrances for fuzzers alone.
#[cfg(fuzzing)]
pub mod fuzzing {
    /// Reads a lock file, and writes what it says.
    pub fn lock(text: &str) {
        super::lock_text::read_twice(text);
    }
}
