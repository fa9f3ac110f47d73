//! Digests of files, computed once as long as a file stays as it is.

use crate::dataset::{self, DatasetError};
use crate::store::Digest;
use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Digests of files that were read before, for all branches of a matrix. A dataset may have millions of rows.
#[derive(Default)]
pub(super) struct FileDigests {
    known: Mutex<BTreeMap<PathBuf, (Stamp, Digest)>>,
}

/// Everything by which the system tells that a file was written or replaced.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl FileDigests {
    /// The digest of a file as it is now.
    pub fn of(&self, path: &Path) -> Result<Digest, DatasetError> {
        let stamp = std::fs::metadata(path).ok().map(|metadata| Stamp::of(&metadata));
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(stamp), Some((before, digest))) = (stamp, known().get(path))
            && stamp == *before
        {
            return Ok(digest.clone());
        }
        let digest = digest_of(path)?;
        if let Some(stamp) = stamp {
            known().insert(path.to_owned(), (stamp, digest.clone()));
        }
        Ok(digest)
    }
}

/// The digest of a file, read now.
pub(super) fn digest_of(path: &Path) -> Result<Digest, DatasetError> {
    let unreadable = |error| DatasetError::Unreadable { path: path.display().to_string(), error };
    Digest::of_reader(dataset::open(path)?).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_written_again_has_another_digest() {
        let folder = tempfile::tempdir().unwrap();
        let (path, digests) = (folder.path().join("rows.csv"), FileDigests::default());
        for text in ["id\n1\n", "id\n1\n2\n"] {
            std::fs::write(&path, text).unwrap();
            for _ in 0..2 {
                assert_eq!(digests.of(&path).unwrap(), Digest::of(text.as_bytes()));
            }
        }
        std::fs::remove_file(&path).unwrap();
        assert!(digests.of(&path).is_err());
    }
}
