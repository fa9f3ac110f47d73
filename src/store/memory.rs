//! In-memory substitute for a read-only store; it lasts as long as the process.

use super::{Digest, Key, Manifest, StoreError};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Artifacts and manifests of this process.
#[derive(Default)]
pub(super) struct Memory {
    objects: Mutex<BTreeMap<Digest, Vec<u8>>>,
    manifests: Mutex<BTreeMap<Key, Manifest>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    pub fn keep_object(&self, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        locked(&self.objects).insert(digest.clone(), bytes.to_vec());
        digest
    }

    pub fn keep_manifest(&self, manifest: &Manifest) {
        locked(&self.manifests).insert(manifest.key.clone(), manifest.clone());
    }

    pub fn manifest(&self, key: &Key) -> Option<Manifest> {
        locked(&self.manifests).get(key).cloned()
    }

    pub fn has(&self, digest: &Digest) -> bool {
        locked(&self.objects).contains_key(digest)
    }

    pub fn read(&self, digest: &Digest) -> Option<Vec<u8>> {
        locked(&self.objects).get(digest).cloned()
    }

    /// Copies an artifact to a temporary file, for callers that read files.
    pub fn open(&self, digest: &Digest) -> Option<Result<File, StoreError>> {
        let bytes = self.read(digest)?;
        let write = || -> std::io::Result<File> {
            let mut file = tempfile::tempfile()?;
            file.write_all(&bytes)?;
            file.rewind()?;
            Ok(file)
        };
        Some(write().map_err(StoreError::io("write a file in", Path::new(&std::env::temp_dir()))))
    }
}
