//! What each spec's stages were last: local, unlike the lock file, and of every stage.

use crate::spec::plain_file_name;

use super::{Key, Store, StoreError, write_atomically};
use std::collections::BTreeMap;
use std::path::PathBuf;

impl Store {
    fn latest_path(&self, spec: &str) -> PathBuf {
        // A profile or a branch can be called anything; a slash must not lead elsewhere.
        self.root.join("latest").join(format!("{}.json", plain_file_name(spec)))
    }

    /// The keys of a spec's stages as of its last run, finished or not.
    pub fn latest(&self, spec: &str) -> BTreeMap<String, Key> {
        let text = std::fs::read(self.latest_path(spec)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Writes down the keys of a spec's stages.
    pub fn set_latest(&self, spec: &str, keys: &BTreeMap<String, Key>) -> Result<(), StoreError> {
        if self.is_read_only() {
            return Ok(());
        }
        let text = serde_json::to_vec(keys).unwrap_or_default();
        write_atomically(&self.latest_path(spec), &text)
    }

    /// The keys of all specs' stages as of their last runs.
    pub(super) fn all_latest(&self) -> Vec<Key> {
        let files = std::fs::read_dir(self.root.join("latest")).into_iter().flatten().flatten();
        files
            .filter_map(|file| std::fs::read(file.path()).ok())
            .filter_map(|text| serde_json::from_slice::<BTreeMap<String, Key>>(&text).ok())
            .flat_map(BTreeMap::into_values)
            .collect()
    }
}
