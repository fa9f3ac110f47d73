//! Files with recorded bodies or output, readable by their owner only.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Mode of files that only the owner may read or write.
const OWNER_ONLY: u32 = 0o600;

/// Creates a file that only its owner can read, or truncates an existing one.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(OWNER_ONLY).open(path)?;
    // An existing file would otherwise keep its mode. Devices have none of their own.
    if file.metadata()?.is_file() {
        file.set_permissions(Permissions::from_mode(OWNER_ONLY))?;
    }
    Ok(file)
}
