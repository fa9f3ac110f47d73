//! Directory handles within the store. Everything is reached by name from an open handle, and no link is
//! followed. A path, by contrast, would be resolved anew each time, through whatever stands in its way.

use super::StoreError;
use super::temporary::{Temporary, is_temporary};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, mkdirat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Open directory.
pub(super) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

/// Directory entry: a regular file or a folder.
pub(super) struct Entry {
    pub name: String,
    pub is_folder: bool,
    pub size: u64,
    pub modified: SystemTime,
}

impl Folder {
    /// Opens the root folder of a store. The root itself may be a link, for instance to a larger disk.
    pub fn root(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// Opens the root folder of a store, creating it if it is missing.
    pub fn root_made(path: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(path)
            .and_then(|()| Self::root(path))
            .map_err(StoreError::io("create the folder", path))
    }

    /// Opens a folder within this one.
    pub fn folder(&self, name: &str) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(&self.fd, name, flags, Mode::empty())?;
        Ok(Self { fd, path: self.path.join(name) })
    }

    /// Opens a folder within this one, creating it if it is missing.
    pub fn folder_made(&self, name: &str) -> Result<Self, StoreError> {
        let made = match mkdirat(&self.fd, name, Mode::from_raw_mode(0o777)) {
            Err(error) if error != Errno::EXIST => Err(error.into()),
            _ => self.folder(name),
        };
        made.map_err(|error| self.refused("create the folder", name, error))
    }

    /// Opens a file for reading.
    pub fn open(&self, name: &str) -> io::Result<File> {
        self.opened(name, OFlags::RDONLY).map(|(file, _)| file)
    }

    /// Opens a file for reading and writing, creating it if it is missing.
    pub fn open_made(&self, name: &str) -> Result<File, StoreError> {
        let opened = self.opened(name, OFlags::RDWR | OFlags::CREATE);
        opened.map(|(file, _)| file).map_err(|error| self.refused("open the file", name, error))
    }

    /// Opens a file and returns it with its length.
    fn opened(&self, name: &str, flags: OFlags) -> io::Result<(File, u64)> {
        // `NONBLOCK`, so that opening a pipe does not wait for a writer; the check below rejects pipes and
        // devices.
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = File::from(openat(&self.fd, name, flags, Mode::from_raw_mode(0o666))?);
        let metadata = file.metadata()?;
        if metadata.is_file() {
            Ok((file, metadata.len()))
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
        }
    }

    /// Returns true if the folder was removed after it was opened.
    pub fn is_removed(&self) -> bool {
        rustix::fs::fstat(&self.fd).is_ok_and(|stat| stat.st_nlink == 0)
    }

    /// Returns true if there is a regular file with this name.
    pub fn has(&self, name: &str) -> bool {
        statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
    }

    /// Reads a whole file, and fails if it is longer than `most` bytes.
    pub fn read(&self, name: &str, most: u64) -> io::Result<Vec<u8>> {
        let (file, length) = self.opened(name, OFlags::RDONLY)?;
        // One byte more than the file holds, so that its end is reached without another allocation.
        let mut bytes = Vec::new();
        // If the length does not fit into memory, the read itself fails.
        if let Ok(length) = usize::try_from(length.min(most)) {
            bytes.reserve_exact(length.saturating_add(1));
        }
        file.take(most + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes)
    }

    /// Creates a new file for reading and writing.
    pub fn create(&self, name: &str) -> Result<File, StoreError> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = openat(&self.fd, name, flags, Mode::from_raw_mode(0o644)).map(File::from);
        made.map_err(|error| self.refused("create the file", name, error.into()))
    }

    /// Moves a complete file to a folder of the same store, syncing it first.
    pub fn move_to(
        &self,
        name: &str,
        file: &File,
        folder: &Self,
        new: &str,
    ) -> Result<(), StoreError> {
        let moved = || -> io::Result<()> {
            file.sync_all()?;
            renameat(&self.fd, name, &folder.fd, new)?;
            // Without this, the rename itself may not survive a power cut.
            Ok(rustix::fs::fsync(&folder.fd)?)
        };
        moved().map_err(|error| folder.refused("write the file", new, error))
    }

    /// Replaces a file atomically: at any instant either the old or the new content is there.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let temporary = Temporary::name();
        let write = || -> io::Result<()> {
            let flags =
                OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mode = Mode::from_raw_mode(0o644);
            let mut file = File::from(openat(&self.fd, temporary.as_str(), flags, mode)?);
            file.write_all(bytes)?;
            file.sync_all()?;
            renameat(&self.fd, temporary.as_str(), &self.fd, name)?;
            // Without this, the rename itself may not survive a power cut.
            Ok(rustix::fs::fsync(&self.fd)?)
        };
        write().map_err(|error| {
            let _ = self.remove(&temporary);
            self.refused("write the file", name, error)
        })
    }

    /// Removes a file. If it is a link, removes the link.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.fd, name, AtFlags::empty())?)
    }

    /// Names of all entries.
    fn names(&self) -> impl Iterator<Item = String> {
        let dir = rustix::fs::Dir::read_from(&self.fd);
        let names = dir.into_iter().flat_map(Iterator::flatten);
        let names = names.filter_map(|entry| Some(entry.file_name().to_str().ok()?.to_owned()));
        names.filter(|name| !matches!(name.as_str(), "." | ".."))
    }

    /// Regular files and folders. Links, pipes and devices never belong to the store.
    pub fn entries(&self) -> Vec<Entry> {
        let entry = |name: String| {
            let stat = statat(&self.fd, name.as_str(), AtFlags::SYMLINK_NOFOLLOW).ok()?;
            let is_folder = match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => false,
                FileType::Directory => true,
                _ => return None,
            };
            // Dates before the epoch count as the epoch.
            let modified = match (u64::try_from(stat.st_mtime), u32::try_from(stat.st_mtime_nsec)) {
                (Ok(seconds), Ok(nanos)) => {
                    UNIX_EPOCH + Duration::new(seconds, nanos.min(999_999_999))
                }
                _ => UNIX_EPOCH,
            };
            let size = u64::try_from(stat.st_size).ok()?;
            Some(Entry { name, is_folder, size, modified })
        };
        self.names().filter_map(entry).collect()
    }

    /// Removes temporary files that killed processes left behind. The caller must own the store.
    pub fn sweep(&self) {
        for name in self.names().filter(|name| is_temporary(name)) {
            // A folder, for instance, cannot be removed this way, and does no harm.
            let _ = self.remove(&name);
        }
    }

    fn refused(&self, action: &'static str, name: &str, error: io::Error) -> StoreError {
        let path = self.path.join(name);
        let stat = statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW);
        if stat.is_ok_and(|it| FileType::from_raw_mode(it.st_mode) == FileType::Symlink) {
            return StoreError::Link { path: path.display().to_string() };
        }
        StoreError::io(action, &path)(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (inside, outside) = (dir.path().join("in"), dir.path().join("out"));
        std::fs::create_dir_all(&inside).unwrap();
        std::fs::create_dir_all(&outside).unwrap();
        std::fs::write(outside.join("file"), "precious").unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("folder")).unwrap();
        std::os::unix::fs::symlink(outside.join("file"), inside.join("file")).unwrap();
        let folder = Folder::root(&inside).unwrap();
        assert!(folder.folder("folder").is_err() && folder.open("file").is_err());
        assert!(matches!(folder.folder_made("folder"), Err(StoreError::Link { .. })));
        assert!(matches!(folder.open_made("file"), Err(StoreError::Link { .. })));
        assert!(!folder.has("file") && folder.entries().is_empty());
        // Writing replaces a link rather than following it.
        folder.write("file", b"new").unwrap();
        assert_eq!(folder.read("file", 3).unwrap(), b"new");
        assert_eq!(std::fs::read(outside.join("file")).unwrap(), b"precious");
        assert_eq!(folder.read("file", 2).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
