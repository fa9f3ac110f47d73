//! Artifacts, looked up by digest, and manifests, looked up by key.

use super::atomic::{holds, write_atomically};
use super::manifest::Parts;
use super::{Content, Digest, Key, Manifest, Store, StoreError, objects};
use std::path::{Path, PathBuf};

impl Store {
    /// Stores an artifact with its manifest. `cut_short` is the reason why the artifact is incomplete, if it
    /// is.
    pub fn keep(
        &self,
        stage: &str,
        key: Key,
        parts: Parts,
        content: &Content,
        cut_short: Option<String>,
    ) -> Result<Manifest, StoreError> {
        let (digest, size) = match (content, &self.memory) {
            (Content::Bytes(bytes), Some(memory)) => {
                (memory.keep_object(bytes), bytes.len() as u64)
            }
            (Content::Bytes(bytes), None) => {
                (objects::keep(&self.folders, bytes)?, bytes.len() as u64)
            }
            (Content::File(staged), _) => objects::keep_file(&self.folders, staged)?,
        };
        let manifest = Manifest {
            stage: stage.to_owned(),
            key,
            digest,
            size,
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            cut_short,
            parts,
        };
        match &self.memory {
            Some(memory) => memory.keep_manifest(&manifest),
            None => manifest.keep(&self.folders)?,
        }
        Ok(manifest)
    }

    /// Returns the manifest of a key, if there is a readable one.
    pub fn manifest(&self, key: &Key) -> Option<Manifest> {
        let of_process = self.memory.as_ref().and_then(|memory| memory.manifest(key));
        of_process.or_else(|| Manifest::read(&self.folders, key))
    }

    /// Returns the manifests of all stages of a kind (`sweep` for `sweep@…`), newest first; of every stage if
    /// `kind` is empty.
    pub fn manifests_of(&self, kind: &str) -> Vec<Manifest> {
        Manifest::all_of(&self.folders, kind)
    }

    /// Returns true if there is a manifest of this key, readable or not.
    pub fn has_manifest(&self, key: &Key) -> bool {
        Manifest::is_there(&self.folders, key)
    }

    /// Returns true if there is an artifact with this digest, intact or not.
    pub fn has(&self, digest: &Digest) -> bool {
        self.is_in_memory(digest) || objects::exists(&self.folders, digest)
    }

    /// Returns true if there is an artifact with this digest and its content matches it.
    pub fn is_sound(&self, digest: &Digest) -> bool {
        self.is_in_memory(digest) || objects::is_sound(&self.folders, digest)
    }

    fn is_in_memory(&self, digest: &Digest) -> bool {
        self.memory.as_ref().is_some_and(|memory| memory.has(digest))
    }

    /// Removes the artifact of a key if it is damaged, so that no copy of it can be mistaken for an intact
    /// one.
    pub fn discard_damaged(&self, key: &Key) {
        if self.is_read_only() {
            return;
        }
        if let Some(manifest) = self.manifest(key).filter(|it| !self.is_sound(&it.digest)) {
            objects::discard(&self.folders, &manifest.digest);
        }
    }

    /// Path of the local copy of a remote file, whether or not there is one yet.
    pub fn download_path(&self, url: &str) -> PathBuf {
        self.root().join("downloads").join(Digest::of(url.as_bytes()).as_str())
    }

    /// Returns true if there is a local copy of a remote file, and it is a regular file.
    pub fn has_download(&self, url: &str) -> bool {
        self.folders
            .get("downloads")
            .is_ok_and(|folder| folder.has(Digest::of(url.as_bytes()).as_str()))
    }

    /// Creates the folder for copies of remote files.
    pub fn make_downloads(&self) -> Result<(), StoreError> {
        self.folders.made("downloads").map(drop)
    }

    /// Opens a verified artifact as a file, for artifacts that are too large to be held in memory.
    pub fn open(&self, digest: &Digest) -> Result<std::fs::File, StoreError> {
        let of_process = self.memory.as_ref().and_then(|memory| memory.open(digest));
        of_process.unwrap_or_else(|| objects::open_sound(&self.folders, digest))
    }

    /// Reads a verified artifact.
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        let of_process = self.memory.as_ref().and_then(|memory| memory.read(digest));
        of_process.map_or_else(|| objects::read(&self.folders, digest), Ok)
    }

    /// Puts a copy of a verified artifact at a path outside the store, unless it is there.
    pub fn copy_to(&self, path: &Path, artifact: &Manifest) -> Result<(), StoreError> {
        if holds(path, artifact.size, &artifact.digest) {
            return Ok(());
        }
        write_atomically(path, &self.read(&artifact.digest)?)
    }
}
