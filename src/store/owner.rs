//! One process at a time: an OS lock that ends with its process, whatever ends it.

use super::folder::Folder;
use super::memory::Memory;
use super::temporary::sweep_dead;
use super::{Store, StoreError};
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::Path;
use std::sync::Arc;

/// The right to write to a store, for as long as this lives.
pub struct Owner {
    file: Option<File>,
    /// Where things go instead, where the store itself takes none.
    pub(super) memory: Option<Arc<Memory>>,
}

impl Drop for Owner {
    /// A process that is killed leaves its id: by that the next one knows.
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            let _ = file.set_len(0);
        }
    }
}

impl Store {
    /// The same as its owner has it: one that cannot be written keeps things for this process alone.
    #[must_use]
    pub fn owned(self, owner: &Owner) -> Self {
        Self { memory: owner.memory.clone(), ..self }
    }

    /// Takes the store for this process, or, where the system lets nobody write to it (a share, an
    /// archive), what is there for reading.
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

    /// Takes the store for this process.
    pub fn own(&self) -> Result<Owner, StoreError> {
        let folder = Folder::root_made(self.root())?;
        let path = self.root().join("owner");
        let mut file = folder.open_made("owner")?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // The pid is for the message alone; without it the message is still true.
                let _ = (&mut file).take(20).read_to_string(&mut pid);
                let path = self.root().display().to_string();
                return Err(StoreError::Busy { path, pid: pid.trim().to_owned() });
            }
            Err(TryLockError::Error(error)) => {
                return Err(StoreError::io("lock the file", &path)(error));
            }
        }
        // Whoever had it before either ended in order or wrote nothing after this.
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
    /// Removes what killed processes had not finished writing, here and beside the store. Objects lie in
    /// many folders, which are looked through only where a process was killed.
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
