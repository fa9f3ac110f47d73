//! What somebody forced, until it has been made: a run that is stopped before leaves the old artifacts behind,
//! which nobody wants any more, under the very keys that the new ones would have.

use super::{Key, Store, StoreError};
use std::collections::BTreeSet;

/// The folder with a file for each key.
const FOLDER: &str = "owed";

impl Store {
    /// Writes down that the artifacts of these keys are to be made again.
    pub fn owe(&self, keys: &BTreeSet<Key>) -> Result<(), StoreError> {
        if self.is_read_only() || keys.is_empty() {
            return Ok(());
        }
        let folder = self.folders.made(FOLDER)?;
        keys.iter().try_for_each(|key| folder.write(key.as_str(), b""))
    }

    /// Whether the artifact of a key was forced, and has not been made since.
    pub fn is_owed(&self, key: &Key) -> bool {
        self.folders.get(FOLDER).is_ok_and(|folder| folder.has(key.as_str()))
    }

    /// Strikes a key out: its artifact has been made.
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
