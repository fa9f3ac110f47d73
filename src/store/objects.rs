//! Content-addressed objects: a file's name is the hash of its content.

use super::{Digest, StoreError, write_atomically};
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

fn path(root: &Path, digest: &Digest) -> PathBuf {
    let name = digest.as_str();
    let (shelf, rest) = name.split_at_checked(2).unwrap_or(("", name));
    root.join("objects").join(shelf).join(rest)
}

/// Keeps bytes; those that are there already, and sound, are not written again.
pub(super) fn keep(root: &Path, bytes: &[u8]) -> Result<Digest, StoreError> {
    let digest = Digest::of(bytes);
    if !is_sound(root, &digest) {
        write_atomically(&path(root, &digest), bytes)?;
    }
    Ok(digest)
}

/// Removes an object. One that cannot be removed is still noticed whenever it is read.
pub(super) fn discard(root: &Path, digest: &Digest) {
    let _ = std::fs::remove_file(path(root, digest));
}

/// Whether there is a file of that digest.
pub(super) fn exists(root: &Path, digest: &Digest) -> bool {
    path(root, digest).is_file()
}

/// Whether there is a file of that digest, and its content is what the digest says.
pub(super) fn is_sound(root: &Path, digest: &Digest) -> bool {
    let found = open(root, digest).map(Digest::of_reader);
    matches!(found, Ok(Ok(found)) if found == *digest)
}

/// Opens a file whose content is what the digest says.
pub(super) fn open_sound(root: &Path, digest: &Digest) -> Result<File, StoreError> {
    let mut file = open(root, digest)?;
    let found = Digest::of_reader(&file).map_err(|_| damaged(digest))?;
    file.rewind().map_err(|_| damaged(digest))?;
    if found == *digest { Ok(file) } else { Err(damaged(digest)) }
}

/// Reads bytes and verifies them.
pub(super) fn read(root: &Path, digest: &Digest) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    open(root, digest)?.read_to_end(&mut bytes).map_err(|_| damaged(digest))?;
    if Digest::of(&bytes) == *digest { Ok(bytes) } else { Err(damaged(digest)) }
}

fn open(root: &Path, digest: &Digest) -> Result<File, StoreError> {
    // A digest comes from a file that anybody can edit: only hexadecimal may become a path.
    if !digest.as_str().bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(damaged(digest));
    }
    File::open(path(root, digest)).map_err(|_| damaged(digest))
}

fn damaged(digest: &Digest) -> StoreError {
    StoreError::Damaged { digest: digest.to_string() }
}
