//! Store: its location, and whether it is writable.

use super::folders::Folders;
use super::memory::Memory;
use std::path::Path;
use std::sync::Arc;

/// Store in the folder `.sizer` beside a spec.
pub struct Store {
    pub(super) folders: Folders,
    /// In-memory substitute, if the folder is read-only.
    pub(super) memory: Option<Arc<Memory>>,
}

impl Store {
    /// Opens the store beside the specs of a folder. Nothing is created until something is kept.
    pub fn beside(base_dir: &Path) -> Self {
        Self { folders: Folders::of(base_dir.join(".sizer")), memory: None }
    }

    /// Returns true if nothing that is kept outlives this process.
    pub fn is_read_only(&self) -> bool {
        self.memory.is_some()
    }

    /// Path of the store.
    pub fn root(&self) -> &Path {
        self.folders.path()
    }
}
