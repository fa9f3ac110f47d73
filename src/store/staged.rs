//! A file that is written over a long time and kept when it is whole.

use super::folder::Folder;
use super::temporary::Temporary;
use super::{Store, StoreError};
use std::fs::File;

/// What an artifact consists of.
pub enum Content {
    /// Bytes.
    Bytes(Vec<u8>),
    /// A file of the store.
    File(Staged),
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

/// A file in the store that is no artifact yet. It is gone when this is dropped, and where the process is
/// killed, the next one that owns the store removes it.
pub struct Staged {
    folder: Folder,
    name: String,
    file: File,
}

impl Store {
    /// Begins a file; `None` where the store cannot be written. The caller owns the store.
    pub fn stage(&self) -> Result<Option<Staged>, StoreError> {
        if self.is_read_only() {
            return Ok(None);
        }
        let folder = Folder::root_made(self.root())?;
        let name = Temporary::name();
        let file = folder.create(&name)?;
        Ok(Some(Staged { folder, name, file }))
    }
}

impl Staged {
    /// The file, for whoever writes it.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Puts it into a folder of the store, under its name there.
    pub(super) fn move_to(&self, folder: &Folder, name: &str) -> Result<(), StoreError> {
        self.folder.move_to(&self.name, &self.file, folder, name)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Where it was kept, there is nothing of that name any more.
        let _ = self.folder.remove(&self.name);
    }
}
