//! The store: artifacts on disk, the manifests that say what made them, and the lock file.
//!
//! A stage's [`Key`] is the hash of everything that it reads: its version, its slice of the spec and the
//! [`Digest`]s of its inputs ([`Parts`], [`key_of`]). Its artifact is stored under the digest of its content,
//! and a [`Manifest`] leads from the key to that digest. A stage whose key has an intact artifact need not run.
//! Every artifact is verified against its digest each time it is read.
//!
//! # Files
//!
//! | path | content |
//! |---|---|
//! | `sizer.lock` | [`LockFile`]: TOML stanzas of what was measured for the specs of a folder; committed |
//! | `.sizer/objects/ab/cdef…` | artifacts, named after the Blake3 hash of their content |
//! | `.sizer/manifests/KEY.json` | [`Manifest`]s, each with a digest of its own |
//! | `.sizer/latest/SPEC.json` | keys of a spec's stages as of its last run |
//! | `.sizer/owed/KEY` | an empty file per stage that was forced and not made again yet |
//! | `.sizer/written/SPEC.json` | [`WrittenReports`]: the reports that a spec wrote last |
//! | `.sizer/downloads/HASH` | copies of remote datasets, named after the hash of the address |
//! | `.sizer/runs.jsonl` | [`RunRecord`]s, one line per run |
//! | `.sizer/owner` | locked by the process that owns the store ([`Owner`]) |
//!
//! # Rules
//!
//! - Files are written to a temporary file beside their place, synced and renamed ([`write_atomically`],
//!   [`StagedFile`]), so a crash leaves the old content or the new, never a part.
//! - Folders are opened one inside the other and no symbolic link is followed.
//! - One process at a time owns a store ([`Store::own`]). On a read-only file system, artifacts are
//!   kept in memory ([`Store::own_or_read`]).
//! - Garbage collection ([`Store::garbage`]) keeps whatever a lock file names, in the work tree or in a commit
//!   that git can reach, and whatever a run on record made.

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
mod locked_stage;
mod manifest;
mod memory;
mod objects;
mod owed;
mod owner;
mod root;
mod runs;
mod staged_file;
mod temporary;
mod written_reports;

pub use atomic::{AtomicFile, write_atomically, write_if_changed};
pub use error::StoreError;
pub use gc::{Garbage, GcRules, Piece, RemovalReason};
pub use lock_file::LockFile;
pub use locked_stage::{LockState, LockedStage};
pub use manifest::{Digest, Key, Manifest, Parts, key_of};
pub use owner::Owner;
pub use root::Store;
pub use runs::{Exit, Invocation, RunRecord};
pub use staged_file::{Content, StagedFile};
pub use written_reports::WrittenReports;

/// Entry points for the fuzz targets.
#[cfg(fuzzing)]
pub mod fuzzing {
    /// Parses a lock file and checks that its rendering parses the same.
    pub fn lock(text: &str) {
        super::lock_text::read_twice(text);
    }
}
