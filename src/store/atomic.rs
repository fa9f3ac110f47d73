//! Atomic file writes.

use super::temporary::{Temporary, sweep_dead};
use super::{Digest, StoreError};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use tempfile::NamedTempFile;

/// Writes a file unless it holds these bytes already.
pub fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let is_there =
        has_length(path, bytes.len() as u64) && fs::read(path).is_ok_and(|old| old == bytes);
    if is_there { Ok(()) } else { write_atomically(path, bytes) }
}

/// Returns true if there is a file with this content.
pub(super) fn holds(path: &Path, size: u64, digest: &Digest) -> bool {
    let content = || fs::File::open(path).and_then(Digest::of_reader);
    has_length(path, size) && content().is_ok_and(|found| found == *digest)
}

/// Returns true for a file of this length: a different one means different content. Anything else may be a pipe, on which
/// a read would block.
fn has_length(path: &Path, length: u64) -> bool {
    fs::metadata(path).is_ok_and(|it| it.is_file() && it.len() == length)
}

/// Replaces a file atomically: writes a temporary file beside it, syncs it, and renames it. At any instant
/// either the old or the new content is there.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let dir = folder_of(path);
    fs::create_dir_all(dir).map_err(StoreError::io("create the folder", dir))?;
    let write = || -> io::Result<()> {
        let beside = AtomicFile::create(path)?;
        beside.file().write_all(bytes)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Temporary files are private by default; reports and artifacts are to be shared.
            beside.file().set_permissions(fs::Permissions::from_mode(0o644))?;
        }
        beside.put()
    };
    write().map_err(StoreError::io("write the file", path))
}

/// Temporary file beside the place of another, which it takes once it is complete. Dropping this removes it; if
/// the process is killed, the next one that writes to the folder does.
pub struct AtomicFile<'a> {
    file: NamedTempFile,
    path: &'a Path,
}

impl<'a> AtomicFile<'a> {
    /// Creates the file, which only its owner can read.
    pub fn create(path: &'a Path) -> io::Result<Self> {
        let dir = folder_of(path);
        sweep_dead(dir);
        let (prefix, suffix) = Temporary::around();
        let file = tempfile::Builder::new().prefix(&prefix).suffix(suffix).tempfile_in(dir)?;
        Ok(Self { file, path })
    }

    /// Returns the file, for writing.
    pub fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Syncs the file and moves it to its place.
    pub fn put(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist(self.path)?;
        // Without this, the rename itself may not survive a power cut.
        File::open(folder_of(self.path))?.sync_all()
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
