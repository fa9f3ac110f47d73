//! Stages that somebody forced, until they have been made: a run that is stopped before leaves the old
//! artifacts behind, which nobody wants any more.

use super::{Folder, Store, StoreError};
use crate::spec::plain_file_name;
use std::collections::BTreeSet;

pub(super) const FOLDER: &str = "owed";

fn file_name(spec: &str) -> String {
    format!("{}.json", plain_file_name(spec))
}

impl Store {
    /// The stages of a spec that were forced and have not been made since.
    pub fn owed(&self, spec: &str) -> BTreeSet<String> {
        let folder = Folder::root(self.root()).and_then(|root| root.folder(FOLDER));
        let text = folder.and_then(|folder| folder.read(&file_name(spec)));
        serde_json::from_slice(&text.unwrap_or_default()).unwrap_or_default()
    }

    /// Writes down which stages are owed.
    pub fn set_owed(&self, spec: &str, stages: &BTreeSet<String>) -> Result<(), StoreError> {
        if self.is_read_only() || *stages == self.owed(spec) {
            return Ok(());
        }
        let folder = Folder::root_made(self.root())?.folder_made(FOLDER)?;
        let name = file_name(spec);
        if stages.is_empty() {
            return folder.remove(&name).map_err(StoreError::io("remove the file", self.root()));
        }
        folder.write(&name, &serde_json::to_vec(stages).unwrap_or_default())
    }
}
