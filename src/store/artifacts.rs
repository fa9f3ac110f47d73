//! Artifacts by their digests, and manifests by their keys.

use super::manifest::Parts;
use super::{Content, Digest, Key, Manifest, Store, StoreError, objects};
use std::path::PathBuf;

impl Store {
    /// Keeps an artifact and the manifest that says what made it, and why it is not whole where it is not.
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

    /// The manifest of a key, if it was ever kept and is readable.
    pub fn manifest(&self, key: &Key) -> Option<Manifest> {
        let of_process = self.memory.as_ref().and_then(|memory| memory.manifest(key));
        of_process.or_else(|| Manifest::read(&self.folders, key))
    }

    /// The manifests of all stages of a kind (`sweep@…`), or of all where it is empty, the newest first.
    pub fn manifests_of(&self, kind: &str) -> Vec<Manifest> {
        Manifest::all_of(&self.folders, kind)
    }

    /// Whether there is a manifest of that key, readable or not.
    pub fn has_manifest(&self, key: &Key) -> bool {
        Manifest::is_there(&self.folders, key)
    }

    /// Whether there is an artifact of that digest, sound or not.
    pub fn has(&self, digest: &Digest) -> bool {
        self.is_in_memory(digest) || objects::exists(&self.folders, digest)
    }

    /// Whether an artifact is there and is what its digest says.
    pub fn is_sound(&self, digest: &Digest) -> bool {
        self.is_in_memory(digest) || objects::is_sound(&self.folders, digest)
    }

    fn is_in_memory(&self, digest: &Digest) -> bool {
        self.memory.as_ref().is_some_and(|memory| memory.has(digest))
    }

    /// Removes a damaged artifact, so that no copy of it can be taken for a sound one.
    pub fn discard_damaged(&self, key: &Key) {
        if self.is_read_only() {
            return;
        }
        if let Some(manifest) = self.manifest(key).filter(|it| !self.is_sound(&it.digest)) {
            objects::discard(&self.folders, &manifest.digest);
        }
    }

    /// Where the copy of a remote file lies, or would.
    pub fn download_path(&self, url: &str) -> PathBuf {
        self.root().join("downloads").join(Digest::of(url.as_bytes()).as_str())
    }

    /// Whether there is a copy of a remote file, and a plain one.
    pub fn has_download(&self, url: &str) -> bool {
        self.folders
            .get("downloads")
            .is_ok_and(|folder| folder.has(Digest::of(url.as_bytes()).as_str()))
    }

    /// Makes the folder for copies of remote files.
    pub fn make_downloads(&self) -> Result<(), StoreError> {
        self.folders.made("downloads").map(drop)
    }

    /// An artifact as a file, verified: for those that are too large to be held.
    pub fn open(&self, digest: &Digest) -> Result<std::fs::File, StoreError> {
        let of_process = self.memory.as_ref().and_then(|memory| memory.open(digest));
        of_process.unwrap_or_else(|| objects::open_sound(&self.folders, digest))
    }

    /// The bytes of an artifact, verified.
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        let of_process = self.memory.as_ref().and_then(|memory| memory.read(digest));
        of_process.map_or_else(|| objects::read(&self.folders, digest), Ok)
    }
}
