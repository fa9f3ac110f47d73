//! What each spec's stages were last: local, unlike the lock file, and of every stage.

use crate::spec::plain_file_name;

use super::{Key, Store, StoreError};
use std::collections::BTreeMap;

const FOLDER: &str = "latest";
/// A key for each of some hundred thousand stages.
const LARGEST: u64 = 16 << 20;

/// A profile or a branch can be called anything; a slash must not lead elsewhere.
fn file_name(spec: &str) -> String {
    format!("{}.json", plain_file_name(spec))
}

impl Store {
    /// The keys of a spec's stages as of its last run, finished or not.
    pub fn latest(&self, spec: &str) -> BTreeMap<String, Key> {
        let text =
            self.folders.get(FOLDER).and_then(|folder| folder.read(&file_name(spec), LARGEST));
        serde_json::from_slice(&text.unwrap_or_default()).unwrap_or_default()
    }

    /// Writes down the keys of a spec's stages.
    pub fn set_latest(&self, spec: &str, keys: &BTreeMap<String, Key>) -> Result<(), StoreError> {
        if self.is_read_only() {
            return Ok(());
        }
        let text = serde_json::to_vec(keys).unwrap_or_default();
        self.folders.made(FOLDER)?.write(&file_name(spec), &text)
    }

    /// The keys of all specs' stages as of their last runs.
    pub(super) fn all_latest(&self) -> Vec<Key> {
        let Ok(folder) = self.folders.get(FOLDER) else { return Vec::new() };
        let files = folder.entries().into_iter();
        files
            .filter_map(|file| folder.read(&file.name, LARGEST).ok())
            .filter_map(|text| serde_json::from_slice::<BTreeMap<String, Key>>(&text).ok())
            .flat_map(BTreeMap::into_values)
            .collect()
    }
}
