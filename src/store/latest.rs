//! Keys of each spec's stages as of its last run. Unlike the lock file, local and complete.

use crate::spec::plain_file_name;

use super::error::json;
use super::{Key, Store, StoreError};
use std::collections::BTreeMap;

const FOLDER: &str = "latest";
/// Room for the keys of some hundred thousand stages.
const LARGEST: u64 = 16 << 20;

/// Profiles and branches may have any name, so slashes have to be escaped.
fn file_name(spec: &str) -> String {
    format!("{}.json", plain_file_name(spec))
}

impl Store {
    /// Returns the keys of a spec's stages as of its last run, finished or not.
    pub fn latest(&self, spec: &str) -> BTreeMap<String, Key> {
        let text =
            self.folders.get(FOLDER).and_then(|folder| folder.read(&file_name(spec), LARGEST));
        match text.map(|text| serde_json::from_slice(&text)) {
            Ok(Ok(keys)) => keys,
            // A missing or damaged file means only that nothing is remembered.
            Ok(Err(_)) | Err(_) => BTreeMap::new(),
        }
    }

    /// Records the keys of a spec's stages.
    pub fn set_latest(&self, spec: &str, keys: &BTreeMap<String, Key>) -> Result<(), StoreError> {
        if self.is_read_only() {
            return Ok(());
        }
        let name = file_name(spec);
        let text = json(keys, &self.root().join(FOLDER).join(&name))?;
        self.folders.made(FOLDER)?.write(&name, &text)
    }

    /// Returns the keys of all specs' stages as of their last runs.
    pub(super) fn all_latest(&self) -> Result<Vec<Key>, StoreError> {
        let Ok(folder) = self.folders.get(FOLDER) else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for file in folder.entries().into_iter().filter(|file| !file.is_folder) {
            let unknown =
                |error| StoreError::unknown(&self.root().join(FOLDER).join(&file.name), &error);
            let text = folder.read(&file.name, LARGEST).map_err(unknown)?;
            // A damaged file names nothing that could be found.
            if let Ok(keys) = serde_json::from_slice::<BTreeMap<String, Key>>(&text) {
                all.extend(keys.into_values());
            }
        }
        Ok(all)
    }
}
