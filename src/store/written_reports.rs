//! Record of the reports that each spec wrote last, so that none overwrites another's.

use super::error::json;
use super::{Store, StoreError};
use crate::spec::plain_file_name;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

pub(super) const FOLDER: &str = "written";

/// Room for the names of more reports than a spec can have.
const LARGEST: u64 = 4 << 20;

/// Reports of a spec, as of the last time it wrote any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenReports {
    /// File name of the spec.
    pub spec: String,
    /// Profile that was selected.
    pub profile: Option<String>,
    /// Files, relative to the folder of the spec if they are inside it.
    pub files: Vec<PathBuf>,
}

impl Store {
    /// Returns the record of each spec, profile and branch.
    pub fn written(&self) -> Vec<WrittenReports> {
        let Ok(folder) = self.folders.get(FOLDER) else {
            return Vec::new();
        };
        let files = folder.entries().into_iter();
        let texts = files.filter_map(|file| folder.read(&file.name, LARGEST).ok());
        texts.filter_map(|text| serde_json::from_slice(&text).ok()).collect()
    }

    /// Records what a spec wrote, if that has changed.
    pub fn set_written(&self, key_name: &str, written: &WrittenReports) -> Result<(), StoreError> {
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
