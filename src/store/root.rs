//! The store itself: where it is, and whether it can be written.

use super::folders::Folders;
use super::memory::Memory;
use std::path::Path;
use std::sync::Arc;

/// The folder `.sizer` beside a spec.
pub struct Store {
    pub(super) folders: Folders,
    /// Where things are kept that the folder does not take.
    pub(super) memory: Option<Arc<Memory>>,
}

impl Store {
    /// The store beside the specs of a folder. Nothing is created before something is kept.
    pub fn beside(base_dir: &Path) -> Self {
        Self { folders: Folders::of(base_dir.join(".sizer")), memory: None }
    }

    /// Whether nothing that is kept outlives this process.
    pub fn is_read_only(&self) -> bool {
        self.memory.is_some()
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        self.folders.path()
    }
}
