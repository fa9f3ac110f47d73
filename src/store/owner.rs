//! Ownership of a store by one process at a time, by an OS lock that ends with the process.

use super::folder::Folder;
use super::memory::Memory;
use super::temporary::sweep_dead;
use super::{Store, StoreError};
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::Path;
use std::sync::Arc;

/// Right to write to a store, held for the lifetime of this value.
pub struct Owner {
    file: Option<File>,
    /// Substitute for the store, if it is read-only.
    pub(super) memory: Option<Arc<Memory>>,
}

impl Drop for Owner {
    /// Clears the process id. A killed process leaves it, which tells the next owner to clean up.
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            let _ = file.set_len(0);
            // A process that another thread is starting holds the file as well, until it runs its program.
            // Closing the file here would leave it locked for as long.
            let _ = file.unlock();
        }
    }
}

impl Store {
    /// Returns the store as its owner sees it: if it is read-only, artifacts are kept in memory.
    #[must_use]
    pub fn owned(self, owner: &Owner) -> Self {
        Self { memory: owner.memory.clone(), ..self }
    }

    /// Takes the store for this process. If it is not writable (a read-only share, an archive), what is there
    /// can still be read.
    pub fn own_or_read(&self) -> Result<Owner, StoreError> {
        match self.own() {
            Err(StoreError::Io { error, .. })
                if matches!(
                    error.kind(),
                    ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied
                ) =>
            {
                Ok(Owner { file: None, memory: Some(Arc::default()) })
            }
            other => other,
        }
    }

    /// Takes the store for this process, or fails with [`StoreError::Busy`].
    pub fn own(&self) -> Result<Owner, StoreError> {
        let folder = Folder::root_made(self.root())?;
        let path = self.root().join("owner");
        let mut file = folder.open_made("owner")?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // The pid only makes the message more helpful.
                let _ = (&mut file).take(20).read_to_string(&mut pid);
                let path = self.root().display().to_string();
                return Err(StoreError::Busy { path, pid: pid.trim().to_owned() });
            }
            Err(TryLockError::Error(error)) => {
                return Err(StoreError::io("lock the file", &path)(error));
            }
        }
        // A previous owner that ended normally has cleared its id.
        let was_killed = file.metadata().is_ok_and(|it| it.len() > 0);
        let mut write_pid = || -> std::io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            write!(file, "{}", std::process::id())
        };
        write_pid().map_err(StoreError::io("write the file", &path))?;
        self.sweep(&folder, was_killed);
        Ok(Owner { file: Some(file), memory: None })
    }

    /// Removes temporary files that killed processes left, in the store and beside it. Objects are spread
    /// over many folders, which are searched only if a process was killed.
    fn sweep(&self, root: &Folder, objects_too: bool) {
        root.sweep();
        for folder in ["latest", "manifests", "downloads", "owed", "written"] {
            if let Ok(folder) = root.folder(folder) {
                folder.sweep();
            }
        }
        if objects_too && let Ok(objects) = root.folder("objects") {
            for shelf in objects.entries() {
                if let Ok(shelf) = objects.folder(&shelf.name) {
                    shelf.sweep();
                }
            }
        }
        if let Some(beside) = self.root().parent() {
            sweep_dead(if beside.as_os_str().is_empty() { Path::new(".") } else { beside });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_free_again_though_a_process_that_is_being_started_still_holds_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::beside(folder.path());
        let owner = store.own().unwrap();
        assert!(matches!(store.own(), Err(StoreError::Busy { .. })));
        // What a process inherits between its start and its program refers to the same open file.
        let inherited = owner.file.as_ref().unwrap().try_clone().unwrap();
        drop(owner);
        assert!(store.own().is_ok());
        drop(inherited);
    }
}
