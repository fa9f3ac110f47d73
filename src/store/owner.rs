//! One process at a time: an OS lock that ends with its process, whatever ends it.

use super::memory::Memory;
use super::{Store, StoreError};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::sync::Arc;

/// The right to write to a store, for as long as this lives.
pub struct Owner {
    _file: Option<File>,
    /// Where things go instead, where the store itself takes none.
    pub(super) memory: Option<Arc<Memory>>,
}

impl Store {
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
                Ok(Owner { _file: None, memory: Some(Arc::default()) })
            }
            other => other,
        }
    }

    /// Takes the store for this process.
    pub fn own(&self) -> Result<Owner, StoreError> {
        std::fs::create_dir_all(&self.root)
            .map_err(StoreError::io("create the folder", &self.root))?;
        let path = self.root.join("owner");
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(StoreError::io("open the file", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // The pid is for the message alone; without it the message is still true.
                let _ = (&mut file).take(20).read_to_string(&mut pid);
                let path = self.root.display().to_string();
                return Err(StoreError::Busy { path, pid: pid.trim().to_owned() });
            }
            Err(TryLockError::Error(error)) => {
                return Err(StoreError::io("lock the file", &path)(error));
            }
        }
        let mut write_pid = || -> std::io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            write!(file, "{}", std::process::id())
        };
        write_pid().map_err(StoreError::io("write the file", &path))?;
        Ok(Owner { _file: Some(file), memory: None })
    }
}
