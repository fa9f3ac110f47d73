//! Cache of open folders of a store.

use super::StoreError;
use super::folder::Folder;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Folders of one store. Each is opened on first use, and reopened if it has been removed since.
pub(super) struct Folders {
    root: PathBuf,
    open: Mutex<BTreeMap<&'static str, Arc<Folder>>>,
}

impl Folders {
    /// Creates the cache for the store at `root`. Nothing is opened before it is needed.
    pub fn of(root: PathBuf) -> Self {
        Self { root, open: Mutex::default() }
    }

    /// Path of the store.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Root folder of the store.
    pub fn root(&self) -> io::Result<Arc<Folder>> {
        self.held("", || Folder::root(&self.root))
    }

    /// Folder at the root of the store.
    pub fn get(&self, name: &'static str) -> io::Result<Arc<Folder>> {
        self.held(name, || self.root()?.folder(name))
    }

    /// Acts within a folder at the root of the store. In a folder that has been removed nothing is found, so only if
    /// nothing is found does it matter whether the open folder is still the one of that name.
    pub fn within<T>(
        &self,
        name: &'static str,
        act: impl Fn(&Folder) -> io::Result<T>,
    ) -> io::Result<T> {
        let known = self.lock().get(name).cloned();
        if let Some(folder) = known {
            match act(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && folder.is_removed() => {}
                done => return done,
            }
        }
        act(&*self.get(name)?)
    }

    /// Folder at the root of the store, created if it is missing.
    pub fn made(&self, name: &str) -> Result<Folder, StoreError> {
        Folder::root_made(&self.root)?.folder_made(name)
    }

    fn held(
        &self,
        name: &'static str,
        open: impl FnOnce() -> io::Result<Folder>,
    ) -> io::Result<Arc<Folder>> {
        let known = self.lock().get(name).filter(|folder| !folder.is_removed()).cloned();
        if let Some(folder) = known {
            return Ok(folder);
        }
        let folder = Arc::new(open()?);
        self.lock().insert(name, Arc::clone(&folder));
        Ok(folder)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, Arc<Folder>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_was_removed_and_made_again_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let folders = Folders::of(dir.path().join("store"));
        assert!(folders.get("a").is_err(), "nothing is made");
        folders.made("a").unwrap().write("file", b"1").unwrap();
        assert!(folders.get("a").unwrap().has("file") && folders.root().is_ok());
        std::fs::remove_dir_all(folders.path()).unwrap();
        assert!(folders.get("a").is_err());
        folders.made("a").unwrap().write("file", b"2").unwrap();
        assert_eq!(folders.get("a").unwrap().read("file", 1).unwrap(), b"2");
        std::fs::remove_dir_all(folders.path().join("a")).unwrap();
        folders.made("a").unwrap().write("file", b"3").unwrap();
        assert_eq!(folders.within("a", |folder| folder.read("file", 1)).unwrap(), b"3");
        std::fs::remove_dir_all(folders.path()).unwrap();
        assert!(folders.within("a", |folder| folder.read("file", 1)).is_err());
        folders.made("a").unwrap().write("file", b"4").unwrap();
        assert_eq!(folders.within("a", |folder| folder.read("file", 1)).unwrap(), b"4");
    }
}
