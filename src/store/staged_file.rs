//! Files written bit by bit, and kept once they are complete.

use super::folder::Folder;
use super::temporary::Temporary;
use super::{Store, StoreError};
use std::fs::File;

/// Content of an artifact.
pub enum Content {
    /// Bytes in memory.
    Bytes(Vec<u8>),
    /// A staged file of the store.
    File(StagedFile),
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

/// File in the store that is not an artifact yet. Dropping this removes it. If the process is killed, the
/// next owner of the store removes it.
pub struct StagedFile {
    folder: Folder,
    name: String,
    file: File,
}

impl Store {
    /// Creates a staged file; `None` if the store is read-only. The caller must own the store.
    pub fn stage(&self) -> Result<Option<StagedFile>, StoreError> {
        if self.is_read_only() {
            return Ok(None);
        }
        let folder = Folder::root_made(self.root())?;
        let name = Temporary::name();
        let file = folder.create(&name)?;
        Ok(Some(StagedFile { folder, name, file }))
    }
}

impl StagedFile {
    /// Returns the file, for writing.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Moves the file into a folder of the store under its final name.
    pub(super) fn move_to(&self, folder: &Folder, name: &str) -> Result<(), StoreError> {
        self.folder.move_to(&self.name, &self.file, folder, name)
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        // Once the file has been moved, there is nothing left under this name.
        let _ = self.folder.remove(&self.name);
    }
}
