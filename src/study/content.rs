//! The content of files, as keys tell it.

use crate::store::Digest;
use serde::{Serialize, Serializer};
use std::path::PathBuf;

/// The content of files. In a key it is told by its digest, wherever the files lie.
#[derive(Clone, Debug)]
pub(super) struct Content {
    /// Their paths.
    pub files: Vec<PathBuf>,
    /// Of all of them; `None` for a remote file that was never downloaded.
    pub digest: Option<Digest>,
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.digest.serialize(serializer)
    }
}
