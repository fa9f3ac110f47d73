//! The keys that stages had before.

use crate::store::{Key, LockFile, Store};
use std::collections::BTreeMap;
use std::path::Path;

/// The previous keys of stages: of the last run here, otherwise of the lock file.
pub(crate) struct Previous {
    /// The lock file, which others may have written.
    pub lock: LockFile,
    /// The keys as of the last run here.
    pub latest: BTreeMap<String, Key>,
}

impl Previous {
    /// Reads what a folder and its store know under a name.
    pub fn read(folder: &Path, name: &str, store: &Store) -> Self {
        Self { lock: LockFile::beside(folder, name), latest: store.latest(name) }
    }

    /// The key that a stage had.
    pub fn key(&self, stage: &str) -> Option<&Key> {
        self.latest.get(stage).or_else(|| self.lock.get(stage).map(|locked| &locked.key))
    }
}
