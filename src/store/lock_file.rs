//! `sizer.lock`: the measurements that each spec's numbers rest on, committed to git.
//!
//! It holds the digests of what was measured: the dataset, and the runs and metrics of each level. Stages
//! that join levels (fits, estimates, reports) are left out. They follow from the levels in milliseconds, and
//! with them any two branches that measured different levels would conflict.

use super::git::merge_by_stanza;
use super::lock_text::{Content, parse, rendered};
use super::{LockState, LockedStage, StoreError, write_atomically};
use crate::dataset::{self, DatasetError};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// File name, beside the specs.
pub(super) const LOCK_FILE: &str = "sizer.lock";
/// Room for the stanzas of some ten thousand levels.
pub(super) const LARGEST: u64 = 8 << 20;

/// Lock file beside a spec, as seen by that spec.
pub struct LockFile {
    path: PathBuf,
    spec: String,
    content: Arc<Content>,
    state: LockState,
}

/// The text of the lock file that was read last, and what it says. All branches of a matrix read the same one, which
/// may be long; reading it takes a fraction of the time that parsing does.
static LAST: Mutex<Option<Parsed>> = Mutex::new(None);

/// The text of a lock file with what it says.
struct Parsed {
    text: String,
    content: Arc<Content>,
    state: LockState,
}

impl LockFile {
    /// Reads the lock file of a folder. A missing, conflicted or unreadable one is not an error, since
    /// everything in it can be found again.
    pub fn beside(base_dir: &Path, spec: &str) -> Self {
        let path = path_in(base_dir);
        let (content, state) = read(&path);
        Self { path, spec: spec.to_owned(), content, state }
    }

    /// Parses the text of a lock file from another time or place. It is never written.
    pub fn from_text(text: &str, spec: &str) -> Self {
        let (content, state) = parse(text);
        Self { path: PathBuf::new(), spec: spec.to_owned(), content: Arc::new(content), state }
    }

    /// Reads a lock file of any name. It is never written.
    pub fn from_file(path: &Path, spec: &str) -> Self {
        let (content, state) = read(path);
        Self { path: PathBuf::new(), spec: spec.to_owned(), content, state }
    }

    /// State in which the file was found.
    pub fn state(&self) -> &LockState {
        &self.state
    }

    /// Fails if the file exists but cannot be read: writing it would lose its content.
    pub fn check(&self) -> Result<(), StoreError> {
        match &self.state {
            LockState::Refused(why) => Err(StoreError::unknown(&self.path, why)),
            _ => Ok(()),
        }
    }

    /// Returns the stanza of a stage.
    pub fn get(&self, stage: &str) -> Option<&LockedStage> {
        self.stages()?.get(stage)
    }

    /// Returns the stanzas of all stages of this spec.
    pub fn stages(&self) -> Option<&BTreeMap<String, LockedStage>> {
        self.content.specs.get(&self.spec)
    }

    /// Replaces all stanzas of this spec and writes the file if that changes anything. Stanzas of other specs
    /// are read from the file again, since other branches may have written theirs in the meantime.
    pub fn replace(&mut self, stages: BTreeMap<String, LockedStage>) -> Result<(), StoreError> {
        if self.state == LockState::Sound && self.stages() == Some(&stages) {
            return Ok(());
        }
        (self.content, self.state) = read(&self.path);
        // Otherwise the stanzas of all other specs would be lost.
        self.check()?;
        Arc::make_mut(&mut self.content).specs.insert(self.spec.clone(), stages);
        write_atomically(&self.path, rendered(&self.content).as_bytes())?;
        if let Some(folder) = self.path.parent() {
            merge_by_stanza(folder);
        }
        self.state = LockState::Sound;
        Ok(())
    }
}

pub(super) fn path_in(base_dir: &Path) -> PathBuf {
    base_dir.join(LOCK_FILE)
}

fn read(path: &Path) -> (Arc<Content>, LockState) {
    let unreadable = |why: &str| (Arc::default(), LockState::Unreadable(why.to_owned()));
    let refused = |error: &dyn ToString| (Arc::default(), LockState::Refused(error.to_string()));
    let mut text = Vec::new();
    let read = dataset::open(path).map(|file| file.take(LARGEST + 1).read_to_end(&mut text));
    match read {
        // A pipe or a device, on which a read would block.
        Err(DatasetError::NoFile { .. }) => return unreadable("it is not a regular file"),
        Err(DatasetError::Unreadable { error, .. }) if error.kind() == ErrorKind::NotFound => {}
        Err(DatasetError::Unreadable { error, .. }) | Ok(Err(error)) => return refused(&error),
        Err(error) => return refused(&error),
        Ok(Ok(length)) if length as u64 > LARGEST => {
            return unreadable(&format!("it is larger than {} MiB", LARGEST >> 20));
        }
        Ok(Ok(_)) => {}
    }
    match String::from_utf8(text) {
        Ok(text) => parsed(text),
        Err(_) => unreadable("it is not UTF-8 text"),
    }
}

/// Parses a text, unless it is the one that was parsed last.
fn parsed(text: String) -> (Arc<Content>, LockState) {
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(before) = last.as_ref().filter(|before| before.text == text) {
        return (Arc::clone(&before.content), before.state.clone());
    }
    let (content, state) = parse(&text);
    let content = Arc::new(content);
    *last = Some(Parsed { text, content: Arc::clone(&content), state: state.clone() });
    (content, state)
}

/// Returns every stanza in the lock file of a folder, with its stage.
pub(super) fn all(
    base_dir: &Path,
) -> Result<impl Iterator<Item = (String, LockedStage)>, StoreError> {
    let path = path_in(base_dir);
    let (content, state) = read(&path);
    match state {
        LockState::Sound | LockState::Conflicted => {
            Ok(Arc::unwrap_or_clone(content).specs.into_values().flatten())
        }
        LockState::Unreadable(why) | LockState::Refused(why) => {
            Err(StoreError::unknown(&path, &why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stanza(stage: &str) -> String {
        format!(
            "[specs.\"a.yml\".\"{stage}\"]\nkey = \"k{stage}\"\ndigest = \"d\"\nsize = 1\ntool = \"1\"\n\n"
        )
    }

    #[test]
    fn a_conflicted_lock_gives_what_either_side_says() {
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "{}<<<<<<< HEAD\n{}||||||| base\n=======\n{}>>>>>>> other\n",
            stanza("expand"),
            stanza("sweep@3"),
            stanza("sweep@6"),
        );
        std::fs::write(path_in(dir.path()), text).unwrap();
        let lock = LockFile::beside(dir.path(), "a.yml");
        assert_eq!(lock.state(), &LockState::Conflicted);
        let stages: Vec<&String> = lock.stages().unwrap().keys().collect();
        assert_eq!(stages, ["expand", "sweep@3", "sweep@6"]);
    }

    #[test]
    fn a_lock_that_was_written_again_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        for stage in ["sweep@1", "sweep@2", "sweep@2"] {
            std::fs::write(path_in(dir.path()), stanza(stage)).unwrap();
            let lock = LockFile::beside(dir.path(), "a.yml");
            assert!(lock.get(stage).is_some() && lock.stages().is_some_and(|it| it.len() == 1));
        }
    }

    #[test]
    fn a_lock_that_cannot_be_read_is_not_written_over() {
        let dir = tempfile::tempdir().unwrap();
        // A link to itself exists, and cannot be opened by anyone.
        std::os::unix::fs::symlink(LOCK_FILE, path_in(dir.path())).unwrap();
        let mut lock = LockFile::beside(dir.path(), "a.yml");
        assert!(matches!(lock.state(), LockState::Refused(_)), "{:?}", lock.state());
        assert!(lock.check().is_err() && lock.replace(BTreeMap::new()).is_err());
        assert!(path_in(dir.path()).is_symlink());
        assert!(all(dir.path()).is_err());
    }

    #[test]
    fn nonsense_is_no_lock() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(path_in(dir.path()), "specs = 7").unwrap();
        let mut lock = LockFile::beside(dir.path(), "a.yml");
        assert!(matches!(lock.state(), LockState::Unreadable(_)));
        lock.replace(BTreeMap::new()).unwrap();
        assert_eq!(LockFile::beside(dir.path(), "a.yml").state(), &LockState::Sound);
    }
}
