//! Removing what nothing refers to any more.

use super::{Digest, Key, Manifest, Store, StoreError, lock_file};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Which past runs keep their artifacts. What a lock file or a spec's last run refers to always
/// stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct GcRules {
    /// Only this many of the newest runs.
    pub keep_last: Option<usize>,
    /// Only runs younger than this.
    pub older_than: Option<Duration>,
    /// Only as many of the newest runs as fit into this many bytes, with all that always stays.
    pub max_size: Option<u64>,
}

/// What was removed, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Garbage {
    /// The files.
    pub files: Vec<PathBuf>,
    /// Their size in bytes.
    pub bytes: u64,
    /// What stays, in bytes.
    pub kept_bytes: u64,
}

impl Store {
    /// Finds what nothing refers to. `base_dir` is the folder whose lock file counts.
    pub fn garbage(&self, base_dir: &Path, rules: GcRules, now: SystemTime) -> Garbage {
        let mut kept = Kept::default();
        for locked in lock_file::all(base_dir) {
            kept.add(self, &locked.key);
            // What a lock refers to stays even where its manifest is lost.
            kept.names.insert(locked.digest.to_string());
        }
        self.all_latest().iter().for_each(|key| kept.add(self, key));
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        for (index, record) in self.records().iter().rev().enumerate() {
            let recent = rules.keep_last.is_none_or(|most| index < most);
            let young = rules.older_than.is_none_or(|age| now - record.started < age.as_secs_f64());
            if !(recent && young) {
                continue;
            }
            let mut with_run = kept.clone();
            record.keys.values().for_each(|key| with_run.add(self, key));
            if rules.max_size.is_some_and(|most| with_run.bytes() > most) {
                break;
            }
            kept = with_run;
        }
        let mut garbage = Garbage { kept_bytes: kept.bytes(), ..Garbage::default() };
        for (path, name) in self.artifact_files() {
            let size = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
            if !kept.names.contains(&name) {
                garbage.bytes += size;
                garbage.files.push(path);
            }
        }
        garbage.files.sort();
        garbage
    }

    /// Removes files that [`Store::garbage`] found. The caller owns the store.
    pub fn remove(&self, garbage: &Garbage) -> Result<(), StoreError> {
        for path in &garbage.files {
            std::fs::remove_file(path).map_err(StoreError::io("remove the file", path))?;
        }
        Ok(())
    }

    /// Objects, manifests and leftovers of killed processes, with the digest or key that each is
    /// named after.
    fn artifact_files(&self) -> Vec<(PathBuf, String)> {
        let mut files = Vec::new();
        let mut open = vec![self.root.join("objects"), self.root.join("manifests")];
        while let Some(dir) = open.pop() {
            for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    open.push(path);
                    continue;
                }
                let file = entry.file_name().to_string_lossy().into_owned();
                let shelf = path.parent().and_then(Path::file_name).unwrap_or_default();
                let name = match file.strip_suffix(".json") {
                    Some(key) => key.to_owned(),
                    None => format!("{}{file}", shelf.to_string_lossy()),
                };
                files.push((path, name));
            }
        }
        files
    }
}

/// What stays.
#[derive(Clone, Default)]
struct Kept {
    /// Keys and digests: what the files are named after.
    names: BTreeSet<String>,
    sizes: BTreeMap<Digest, u64>,
}

impl Kept {
    fn add(&mut self, store: &Store, key: &Key) {
        if !self.names.insert(key.to_string()) {
            return;
        }
        if let Some(Manifest { digest, size, .. }) = store.manifest(key) {
            self.names.insert(digest.to_string());
            self.sizes.insert(digest, size);
        }
    }

    fn bytes(&self) -> u64 {
        self.sizes.values().sum()
    }
}
