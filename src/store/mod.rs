//! Artifacts on disk: content-addressed objects, manifests that say what made them, the lock file.

mod atomic;
mod commits;
mod folder;
mod folders;
mod gc;
mod git;
mod latest;
mod lock_file;
mod lock_text;
mod manifest;
mod memory;
mod objects;
mod owed;
mod owner;
mod runs;
mod staged;
mod temporary;
mod written;

pub use atomic::{write_atomically, write_if_changed};
pub use gc::{Garbage, GcRules, Piece, Why};
pub use lock_file::{LockFile, LockState, Locked};
pub use manifest::{Digest, Key, Manifest, key_of};
pub use owner::Owner;
pub use runs::{Exit, RunRecord};
pub use staged::{Content, Staged};
pub use written::Written;

use folder::Folder;
use folders::Folders;
use memory::Memory;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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

impl StoreError {
    fn unknown(path: &Path, why: &dyn std::fmt::Display) -> Self {
        Self::Unknown { path: path.display().to_string(), why: why.to_string() }
    }

    fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |error| Self::Io { action, path, error }
    }
}

/// A value as JSON for a file: an error where it cannot be written down, instead of an empty file.
fn json(value: &impl serde::Serialize, path: &Path) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::io("write the file", path)(error.into()))
}

/// The folder `.sizer` beside a spec.
pub struct Store {
    folders: Folders,
    /// Where things are kept that the folder does not take.
    memory: Option<Arc<Memory>>,
}

impl Store {
    /// The store beside the specs of a folder. Nothing is created before something is kept.
    pub fn beside(base_dir: &Path) -> Self {
        Self { folders: Folders::of(base_dir.join(".sizer")), memory: None }
    }

    /// The same as its owner has it: one that cannot be written keeps things for this process alone.
    #[must_use]
    pub fn owned(self, owner: &Owner) -> Self {
        Self { memory: owner.memory.clone(), ..self }
    }

    /// Whether nothing that is kept outlives this process.
    pub fn is_read_only(&self) -> bool {
        self.memory.is_some()
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        self.folders.path()
    }

    /// Keeps an artifact and the manifest that says what made it, and why it is not whole where it is not.
    pub fn keep(
        &self,
        stage: &str,
        key: Key,
        parts: manifest::Parts,
        content: &Content,
        cut_short: Option<String>,
    ) -> Result<Manifest, StoreError> {
        let (digest, size) = match (content, &self.memory) {
            (Content::Bytes(bytes), Some(memory)) => {
                (memory.keep_object(bytes), bytes.len() as u64)
            }
            (Content::Bytes(bytes), None) => {
                (objects::keep(&self.folders, bytes)?, bytes.len() as u64)
            }
            (Content::File(staged), _) => objects::keep_file(&self.folders, staged)?,
        };
        let manifest = Manifest {
            stage: stage.to_owned(),
            key,
            digest,
            size,
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            cut_short,
            parts,
        };
        match &self.memory {
            Some(memory) => memory.keep_manifest(&manifest),
            None => manifest.keep(&self.folders)?,
        }
        Ok(manifest)
    }

    /// The manifest of a key, if it was ever kept and is readable.
    pub fn manifest(&self, key: &Key) -> Option<Manifest> {
        let of_process = self.memory.as_ref().and_then(|memory| memory.manifest(key));
        of_process.or_else(|| Manifest::read(&self.folders, key))
    }

    /// The manifests of all stages of a kind (`sweep@…`), or of all where it is empty, the newest first.
    pub fn manifests_of(&self, kind: &str) -> Vec<Manifest> {
        Manifest::all_of(&self.folders, kind)
    }

    /// Whether there is a manifest of that key, readable or not.
    pub fn has_manifest(&self, key: &Key) -> bool {
        Manifest::is_there(&self.folders, key)
    }

    /// Whether there is an artifact of that digest, sound or not.
    pub fn has(&self, digest: &Digest) -> bool {
        self.is_in_memory(digest) || objects::exists(&self.folders, digest)
    }

    /// Whether an artifact is there and is what its digest says.
    pub fn is_sound(&self, digest: &Digest) -> bool {
        self.is_in_memory(digest) || objects::is_sound(&self.folders, digest)
    }

    fn is_in_memory(&self, digest: &Digest) -> bool {
        self.memory.as_ref().is_some_and(|memory| memory.has(digest))
    }

    /// Removes a damaged artifact, so that no copy of it can be taken for a sound one.
    pub fn discard_damaged(&self, key: &Key) {
        if self.is_read_only() {
            return;
        }
        if let Some(manifest) = self.manifest(key).filter(|it| !self.is_sound(&it.digest)) {
            objects::discard(&self.folders, &manifest.digest);
        }
    }

    /// Where the copy of a remote file lies, or would.
    pub fn download_path(&self, url: &str) -> PathBuf {
        self.root().join("downloads").join(Digest::of(url.as_bytes()).as_str())
    }

    /// Whether there is a copy of a remote file, and a plain one.
    pub fn has_download(&self, url: &str) -> bool {
        self.folders
            .get("downloads")
            .is_ok_and(|folder| folder.has(Digest::of(url.as_bytes()).as_str()))
    }

    /// Makes the folder for copies of remote files.
    pub fn make_downloads(&self) -> Result<(), StoreError> {
        self.folders.made("downloads").map(drop)
    }

    /// An artifact as a file, verified: for those that are too large to be held.
    pub fn open(&self, digest: &Digest) -> Result<std::fs::File, StoreError> {
        let of_process = self.memory.as_ref().and_then(|memory| memory.open(digest));
        of_process.unwrap_or_else(|| objects::open_sound(&self.folders, digest))
    }

    /// The bytes of an artifact, verified.
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        let of_process = self.memory.as_ref().and_then(|memory| memory.read(digest));
        of_process.map_or_else(|| objects::read(&self.folders, digest), Ok)
    }
}

pub use manifest::Parts;

/// Entrances for fuzzers alone.
#[cfg(fuzzing)]
pub mod fuzzing {
    /// Reads a lock file, and writes what it says.
    pub fn lock(text: &str) {
        super::lock_text::read_twice(text);
    }
}
