//! Which reports each spec of the folder wrote last, so that none writes over another's.

use super::error::json;
use super::{Store, StoreError};
use crate::spec::plain_file_name;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

pub(super) const FOLDER: &str = "written";

/// The names of more reports than a spec can have.
const LARGEST: u64 = 4 << 20;

/// The reports of a spec, as of the last time that it wrote any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The name of the spec's file.
    pub spec: String,
    /// The profile that was picked.
    pub profile: Option<String>,
    /// The files: relative to the folder of the spec, where they lie in it.
    pub files: Vec<PathBuf>,
}

impl Store {
    /// What each spec wrote, whichever profile and branch.
    pub fn written(&self) -> Vec<Written> {
        let Ok(folder) = self.folders.get(FOLDER) else {
            return Vec::new();
        };
        let files = folder.entries().into_iter();
        let texts = files.filter_map(|file| folder.read(&file.name, LARGEST).ok());
        texts.filter_map(|text| serde_json::from_slice(&text).ok()).collect()
    }

    /// Writes down what the spec of that key name wrote, unless that stands there already.
    pub fn set_written(&self, key_name: &str, written: &Written) -> Result<(), StoreError> {
        if self.is_read_only() {
            return Ok(());
        }
        let folder = self.folders.made(FOLDER)?;
        let name = format!("{}.json", plain_file_name(key_name));
        let text = json(written, &self.root().join(FOLDER).join(&name))?;
        if folder.read(&name, LARGEST).is_ok_and(|before| before == text) {
            return Ok(());
        }
        folder.write(&name, &text)
    }
}
