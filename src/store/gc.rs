//! Garbage collection: removal of artifacts that nothing refers to any more.

use super::commits::{Reach, locked_in_git};
use super::folder::{Entry, Folder};
use super::temporary::is_temporary;
use super::{
    Key, LockedStage, Manifest, RunRecord, Store, StoreError, lock_file, manifest, objects, runs,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Retention rules for past runs and commits. Artifacts named by the lock file in the work tree, by the tip
/// of a branch or by a spec's last run are always kept. Without a rule, so are those of every past run and
/// commit.
#[derive(Clone, Copy, Debug, Default)]
pub struct GcRules {
    /// Number of the newest runs to keep.
    pub keep_last: Option<usize>,
    /// Age from which runs are dropped.
    pub older_than: Option<Duration>,
    /// Size in bytes up to which the newest runs are kept, including everything that is always kept.
    pub max_size: Option<u64>,
}

impl GcRules {
    fn keep_all(&self) -> bool {
        self.keep_last.is_none() && self.older_than.is_none() && self.max_size.is_none()
    }
}

/// Files to remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Garbage {
    /// Files to remove, sorted by path.
    pub pieces: Vec<Piece>,
    /// Size of what is kept, in bytes.
    pub kept_bytes: u64,
}

/// File to remove.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Piece {
    /// Path of the file.
    pub path: PathBuf,
    /// Size in bytes.
    pub bytes: u64,
    /// Stage that made the file, if known.
    pub stage: Option<String>,
    /// Reason for the removal.
    pub why: RemovalReason,
}

/// Reason why a file is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RemovalReason {
    /// No lock file, run or commit refers to it.
    Unnamed,
    /// Only past runs that the rules drop refer to it.
    OlderRun,
    /// Only commits that are not the tip of a branch refer to it.
    OlderCommit,
    /// A process was killed while it wrote the file.
    Unfinished,
}

impl fmt::Display for RemovalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unnamed => "no lock file, run or commit refers to it",
            Self::OlderRun => "only older runs refer to it",
            Self::OlderCommit => "only older commits refer to it",
            Self::Unfinished => "a process was killed before it finished writing it",
        })
    }
}

impl Store {
    /// Finds the artifacts that nothing refers to. `base_dir` is the folder of the lock file that counts.
    pub fn garbage(
        &self,
        base_dir: &Path,
        rules: GcRules,
        now: SystemTime,
    ) -> Result<Garbage, StoreError> {
        let (lock, records) = (lock_file::path_in(base_dir), self.root().join(runs::FILE));
        for (path, most) in [(lock, lock_file::LARGEST), (records, runs::MOST_READ)] {
            if path.metadata().is_ok_and(|it| it.len() > most) {
                let path = path.display().to_string();
                return Err(StoreError::TooLong { path, mib: most >> 20 });
            }
        }
        let files = self.artifact_files();
        let mut kept = RetainedNames::default();
        kept.add_locked(self, lock_file::all(base_dir)?);
        kept.add_locked(self, locked_in_git(base_dir, Reach::Tips)?);
        self.all_latest()?.iter().for_each(|key| kept.add(self, key));
        let history = locked_in_git(base_dir, Reach::History)?;
        let records = self.records()?;
        let mut stages = self.stages_by_name(&records);
        stages.extend(history.iter().map(|(stage, it)| (it.digest.to_string(), stage.clone())));
        let mut committed = RetainedNames::default();
        committed.add_locked(self, history);
        if rules.keep_all() {
            kept.names.extend(committed.names.iter().cloned());
        }
        let sizes: BTreeMap<&str, u64> =
            files.iter().map(|(_, name, size)| (name.as_str(), *size)).collect();
        // If the clock is set before the epoch, no run counts as old.
        let now = now.duration_since(UNIX_EPOCH).map_or(f64::NEG_INFINITY, |now| now.as_secs_f64());
        let mut past = RetainedNames::default();
        let mut full = false;
        for (index, record) in records.iter().rev().enumerate() {
            past.add_run(self, record);
            let recent = rules.keep_last.is_none_or(|most| index < most);
            let young = rules.older_than.is_none_or(|age| now - record.started < age.as_secs_f64());
            if !(recent && young) || full {
                continue;
            }
            let mut with_run = kept.clone();
            with_run.add_run(self, record);
            full = rules.max_size.is_some_and(|most| with_run.bytes(&sizes) > most);
            if !full {
                kept = with_run;
            }
        }
        let kept_bytes = kept.bytes(&sizes);
        let mut pieces: Vec<Piece> = Vec::new();
        for (path, name, bytes) in
            files.into_iter().filter(|(_, name, _)| !kept.names.contains(name))
        {
            let why = if name.is_empty() {
                RemovalReason::Unfinished
            } else if past.names.contains(&name) {
                RemovalReason::OlderRun
            } else if committed.names.contains(&name) {
                RemovalReason::OlderCommit
            } else {
                RemovalReason::Unnamed
            };
            let stage = stages.get(&name).cloned();
            pieces.push(Piece { path, bytes, stage, why });
        }
        pieces.sort();
        Ok(Garbage { pieces, kept_bytes })
    }

    /// Maps keys and digests to stage names, as far as manifests and past runs know them.
    fn stages_by_name(&self, records: &[RunRecord]) -> BTreeMap<String, String> {
        let mut stages = BTreeMap::new();
        for record in records {
            for (stage, digest) in &record.digests {
                stages.insert(digest.to_string(), stage.clone());
            }
        }
        for Manifest { stage, key, digest, .. } in self.manifests_of("") {
            stages.insert(key.to_string(), stage.clone());
            stages.insert(digest.to_string(), stage);
        }
        stages
    }

    /// Removes the files found by [`Store::garbage`]. The caller must own the store.
    pub fn remove(&self, garbage: &Garbage) -> Result<(), StoreError> {
        for Piece { path, .. } in &garbage.pieces {
            self.remove_file(path).map_err(StoreError::io("remove the file", path))?;
        }
        Ok(())
    }

    /// Removes a file of the store, opening folder by folder, since the path may lead elsewhere by now.
    fn remove_file(&self, path: &Path) -> std::io::Result<()> {
        let inside = path.strip_prefix(self.root()).map_err(std::io::Error::other)?;
        let names: Option<Vec<&str>> = inside.iter().map(|name| name.to_str()).collect();
        // The store gives all its files plain names.
        let names = names.ok_or(std::io::ErrorKind::InvalidFilename)?;
        let Some((file, folders)) = names.split_last() else { return Ok(()) };
        let mut folder = Folder::root(self.root())?;
        for name in folders {
            folder = folder.folder(name)?;
        }
        folder.remove(file)
    }

    /// Lists objects, manifests and unfinished files with the digest or key in their names (empty for
    /// unfinished ones) and their sizes. Other files were not put there by a store.
    fn artifact_files(&self) -> Vec<(PathBuf, String, u64)> {
        let mut files = Vec::new();
        let Ok(root) = Folder::root(self.root()) else { return files };
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
            add(&folder, &self.root().join(manifest::FOLDER), "", ".json");
        }
        if let Ok(objects) = root.folder(objects::FOLDER) {
            let path = self.root().join(objects::FOLDER);
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

/// Returns true if a name has the form of a digest or key.
fn is_digest(name: &str) -> bool {
    name.len() == 2 * blake3::OUT_LEN && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Keys and digests to keep; the files are named after them.
#[derive(Clone, Default)]
struct RetainedNames {
    names: BTreeSet<String>,
}

impl RetainedNames {
    fn add(&mut self, store: &Store, key: &Key) {
        if self.names.insert(key.to_string())
            && let Some(Manifest { digest, .. }) = store.manifest(key)
        {
            self.names.insert(digest.to_string());
        }
    }

    /// Keeps what a lock refers to, even if its manifest is lost or names a newer artifact.
    fn add_locked(
        &mut self,
        store: &Store,
        locked: impl IntoIterator<Item = (String, LockedStage)>,
    ) {
        for (_, LockedStage { key, digest, .. }) in locked {
            self.add(store, &key);
            self.names.insert(digest.to_string());
        }
    }

    fn add_run(&mut self, store: &Store, record: &RunRecord) {
        record.keys.values().for_each(|key| self.add(store, key));
        self.names.extend(record.digests.values().map(ToString::to_string));
    }

    fn bytes(&self, sizes: &BTreeMap<&str, u64>) -> u64 {
        self.names.iter().filter_map(|name| sizes.get(name.as_str())).sum()
    }
}
