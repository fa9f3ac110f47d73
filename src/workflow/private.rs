//! Files with what was said: their owner's alone.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Nobody else reads or writes it.
const OWNER_ONLY: u32 = 0o600;

/// Makes a file that only its owner can read, or empties one that is there.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(OWNER_ONLY).open(path)?;
    // One that was there before keeps its mode otherwise. A device has none of its own.
    if file.metadata()?.is_file() {
        file.set_permissions(Permissions::from_mode(OWNER_ONLY))?;
    }
    Ok(file)
}
