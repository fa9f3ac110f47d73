//! Atomic file writes.

use super::StoreError;
use super::temporary::{Temporary, sweep_dead};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// Writes a file unless it holds these bytes already.
pub fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    // A different length means different content. It may also be a pipe, on which a read would block.
    let alike = fs::metadata(path).is_ok_and(|it| it.is_file() && it.len() == bytes.len() as u64);
    if alike && fs::read(path).is_ok_and(|old| old == bytes) {
        Ok(())
    } else {
        write_atomically(path, bytes)
    }
}

/// Replaces a file atomically: writes a temporary file beside it, syncs it, and renames it. At any instant
/// either the old or the new content is there.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(dir).map_err(StoreError::io("create the folder", dir))?;
    let write = || -> std::io::Result<()> {
        sweep_dead(dir);
        let (prefix, suffix) = Temporary::around();
        let mut file = tempfile::Builder::new().prefix(&prefix).suffix(suffix).tempfile_in(dir)?;
        file.write_all(bytes)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Temporary files are private by default; reports and artifacts are to be shared.
            file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
        }
        file.as_file().sync_all()?;
        file.persist(path)?;
        // Without this, the rename itself may not survive a power cut.
        File::open(dir)?.sync_all()
    };
    write().map_err(StoreError::io("write the file", path))
}
