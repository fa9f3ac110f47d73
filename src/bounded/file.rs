//! Reading of files that should be small.

use std::fs::{File, metadata};
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

/// Reads a regular file of at most so many bytes. A pipe would wait for ever, and a device has no end.
pub(crate) fn read_file(path: &Path, most: u64) -> Result<Vec<u8>> {
    let found = metadata(path)?;
    if !found.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let too_large = || Error::new(ErrorKind::FileTooLarge, "the file is too large");
    if found.len() > most {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large()) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_small_file_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "four").unwrap();
        assert_eq!(read_file(&path, 4).unwrap(), b"four");
        assert_eq!(read_file(&path, 3).unwrap_err().kind(), ErrorKind::FileTooLarge);
        for odd in [dir.path(), Path::new("/dev/zero")] {
            assert_eq!(read_file(odd, 4).unwrap_err().kind(), ErrorKind::InvalidInput, "{odd:?}");
        }
        assert_eq!(read_file(&dir.path().join("gone"), 4).unwrap_err().kind(), ErrorKind::NotFound);
        // A file of the system that claims to be empty has what it has.
        if cfg!(target_os = "linux") {
            assert!(read_file(Path::new("/proc/self/status"), 1 << 20).unwrap().len() > 100);
        }
    }
}
