//! `sizer.lock`: what the numbers of each spec rest on, committed to git.

use super::{Digest, Key, StoreError, write_atomically};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One stage's line in the lock file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locked {
    /// The stage's key.
    pub key: Key,
    /// Digest of its artifact.
    pub digest: Digest,
    /// Size of its artifact in bytes.
    pub size: u64,
    /// Version of sizer that made it.
    pub tool: String,
}

/// All specs of a folder: one stanza per spec and stage, sorted, so that git merges them.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    #[serde(default)]
    specs: BTreeMap<String, BTreeMap<String, Locked>>,
}

/// The lock file beside a spec, as seen by that spec.
pub struct LockFile {
    path: PathBuf,
    spec: String,
    content: Content,
}

const HEADER: &str = "# Written by sizer: what the reports beside it rest on. Commit it.\n\n";

impl LockFile {
    /// Reads the lock file of a folder; one that is absent or unreadable is empty, since all that
    /// it says can be found again.
    pub fn beside(base_dir: &Path, spec: &str) -> Self {
        let path = base_dir.join("sizer.lock");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        Self { path, spec: spec.to_owned(), content: toml::from_str(&text).unwrap_or_default() }
    }

    /// What was locked for a stage.
    pub fn get(&self, stage: &str) -> Option<&Locked> {
        self.content.specs.get(&self.spec)?.get(stage)
    }

    /// Locks the stages of this spec, in place of all that was locked for it before, and writes
    /// the file if that changes anything.
    pub fn replace(&mut self, stages: BTreeMap<String, Locked>) -> Result<(), StoreError> {
        if self.content.specs.get(&self.spec) == Some(&stages) {
            return Ok(());
        }
        self.content.specs.insert(self.spec.clone(), stages);
        let text = toml::to_string(&self.content).unwrap_or_default();
        write_atomically(&self.path, format!("{HEADER}{text}").as_bytes())
    }
}
