//! Stages forced by the user and not made again yet. If a run stops before it gets to them, the old artifacts
//! are still there, under the very keys that the new ones will have, but they are no longer wanted.

use super::{Key, Store, StoreError};
use std::collections::BTreeSet;

/// Name of the folder, which holds one empty file per key.
const FOLDER: &str = "owed";

impl Store {
    /// Records that the artifacts of these keys have to be made again.
    pub fn owe(&self, keys: &BTreeSet<Key>) -> Result<(), StoreError> {
        if self.is_read_only() || keys.is_empty() {
            return Ok(());
        }
        let folder = self.folders.made(FOLDER)?;
        keys.iter().try_for_each(|key| folder.write(key.as_str(), b""))
    }

    /// Returns true if the artifact of a key was forced and has not been made again yet.
    pub fn is_owed(&self, key: &Key) -> bool {
        self.folders.get(FOLDER).is_ok_and(|folder| folder.has(key.as_str()))
    }

    /// Removes a key from the record once its artifact has been made.
    pub fn settle(&self, key: &Key) -> Result<(), StoreError> {
        match self.folders.get(FOLDER) {
            Ok(folder) if !self.is_read_only() && folder.has(key.as_str()) => {
                let path = self.root().join(FOLDER).join(key.as_str());
                folder.remove(key.as_str()).map_err(StoreError::io("remove the file", &path))
            }
            _ => Ok(()),
        }
    }
}
