//! Removing what nothing refers to any more.

use super::folder::{Entry, Folder};
use super::temporary::is_temporary;
use super::{Digest, Key, Manifest, Store, StoreError, lock_file, manifest, objects, runs};
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
    pub fn garbage(
        &self,
        base_dir: &Path,
        rules: GcRules,
        now: SystemTime,
    ) -> Result<Garbage, StoreError> {
        let (lock, records) = (lock_file::path_in(base_dir), self.root.join(runs::FILE));
        for (path, most) in [(lock, lock_file::LARGEST), (records, runs::MOST_READ)] {
            if path.metadata().is_ok_and(|it| it.len() > most) {
                let path = path.display().to_string();
                return Err(StoreError::TooLong { path, mib: most >> 20 });
            }
        }
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
        for (path, name, size) in self.artifact_files() {
            if !kept.names.contains(&name) {
                garbage.bytes += size;
                garbage.files.push(path);
            }
        }
        garbage.files.sort();
        Ok(garbage)
    }

    /// Removes files that [`Store::garbage`] found. The caller owns the store.
    pub fn remove(&self, garbage: &Garbage) -> Result<(), StoreError> {
        for path in &garbage.files {
            self.remove_file(path).map_err(StoreError::io("remove the file", path))?;
        }
        Ok(())
    }

    /// Removes a file of the store, from folder to folder: the way to it may have changed meanwhile.
    fn remove_file(&self, path: &Path) -> std::io::Result<()> {
        let inside = path.strip_prefix(&self.root).map_err(std::io::Error::other)?;
        let names: Option<Vec<&str>> = inside.iter().map(|name| name.to_str()).collect();
        let names = names.unwrap_or_default();
        let Some((file, folders)) = names.split_last() else { return Ok(()) };
        let mut folder = Folder::root(&self.root)?;
        for name in folders {
            folder = folder.folder(name)?;
        }
        folder.remove(file)
    }

    /// Objects, manifests and what killed processes had not finished writing, with the digest or key
    /// that each is named after, and its size. Whatever else lies there was not put there by a store.
    fn artifact_files(&self) -> Vec<(PathBuf, String, u64)> {
        let mut files = Vec::new();
        let Ok(root) = Folder::root(&self.root) else { return files };
        let mut add = |folder: &Folder, path: &Path, shelf: &str, suffix: &str| {
            for Entry { name, is_folder, size, .. } in folder.entries() {
                let key = name.strip_suffix(suffix).map(|key| format!("{shelf}{key}"));
                let key = key.filter(|key| is_digest(key));
                if let Some(key) = key.or_else(|| is_temporary(&name).then(String::new))
                    && !is_folder
                {
                    files.push((path.join(&name), key, size));
                }
            }
        };
        if let Ok(folder) = root.folder(manifest::FOLDER) {
            add(&folder, &self.root.join(manifest::FOLDER), "", ".json");
        }
        if let Ok(objects) = root.folder(objects::FOLDER) {
            let path = self.root.join(objects::FOLDER);
            for Entry { name, .. } in objects.entries() {
                if name.len() == objects::SHELF
                    && let Ok(shelf) = objects.folder(&name)
                {
                    add(&shelf, &path.join(&name), &name, "");
                }
            }
        }
        files
    }
}

/// Whether a name is that of an artifact or a key.
fn is_digest(name: &str) -> bool {
    name.len() == 2 * blake3::OUT_LEN && name.bytes().all(|byte| byte.is_ascii_hexdigit())
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
