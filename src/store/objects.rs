//! Content-addressed objects: the name of a file is the hash of its content.

use super::folder::Folder;
use super::folders::Folders;
use super::{Digest, StagedFile, StoreError};
use std::fs::File;
use std::io::{Read, Seek};

/// Name of the folder that holds all objects.
pub(super) const FOLDER: &str = "objects";
/// Number of leading characters of a digest that name the subfolder of its object.
pub(super) const SHELF: usize = 2;

/// Subfolder and file name of an object. A digest may come from a file that anyone can edit, so only
/// hexadecimal becomes a file name.
fn place(digest: &Digest) -> Option<(&str, &str)> {
    let name = digest.as_str();
    let plain = name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (shelf, rest) = name.split_at_checked(SHELF)?;
    (plain && !rest.is_empty()).then_some((shelf, rest))
}

/// Opens the subfolder of an object, if there is one, and returns it with the object's file name.
fn shelf<'a>(store: &Folders, digest: &'a Digest) -> Option<(Folder, &'a str)> {
    let (shelf, name) = place(digest)?;
    let folder = store.within(FOLDER, |objects| objects.folder(shelf));
    Some((folder.ok()?, name))
}

/// Stores bytes. An intact copy that exists already is not written again.
pub(super) fn keep(store: &Folders, bytes: &[u8]) -> Result<Digest, StoreError> {
    let digest = Digest::of(bytes);
    if !is_sound(store, &digest) {
        let (shelf, name) = place(&digest).ok_or_else(|| damaged(&digest))?;
        let folder = store.made(FOLDER)?.folder_made(shelf)?;
        folder.write(name, bytes)?;
    }
    Ok(digest)
}

/// Stores a complete file and returns its digest and size.
pub(super) fn keep_file(store: &Folders, staged: &StagedFile) -> Result<(Digest, u64), StoreError> {
    let unreadable = StoreError::io("read what was written in", store.path());
    let measured = || -> std::io::Result<(Digest, u64)> {
        let mut file = staged.file();
        file.rewind()?;
        Ok((Digest::of_reader(file)?, file.metadata()?.len()))
    };
    let (digest, size) = measured().map_err(unreadable)?;
    if !is_sound(store, &digest) {
        let (shelf, name) = place(&digest).ok_or_else(|| damaged(&digest))?;
        let folder = store.made(FOLDER)?.folder_made(shelf)?;
        staged.move_to(&folder, name)?;
    }
    Ok((digest, size))
}

/// Removes an object. If that fails, the damage is still noticed whenever the object is read.
pub(super) fn discard(store: &Folders, digest: &Digest) {
    if let Some((folder, name)) = shelf(store, digest) {
        let _ = folder.remove(name);
    }
}

/// Returns true if there is a file for this digest.
pub(super) fn exists(store: &Folders, digest: &Digest) -> bool {
    shelf(store, digest).is_some_and(|(folder, name)| folder.has(name))
}

/// Returns true if there is a file for this digest and its content matches it.
pub(super) fn is_sound(store: &Folders, digest: &Digest) -> bool {
    let found = open(store, digest).map(Digest::of_reader);
    matches!(found, Ok(Ok(found)) if found == *digest)
}

/// Opens an object after verifying its content.
pub(super) fn open_sound(store: &Folders, digest: &Digest) -> Result<File, StoreError> {
    let mut file = open(store, digest)?;
    let found = Digest::of_reader(&file).map_err(|_| damaged(digest))?;
    file.rewind().map_err(|_| damaged(digest))?;
    if found == *digest { Ok(file) } else { Err(damaged(digest)) }
}

/// Reads an object and verifies its content.
pub(super) fn read(store: &Folders, digest: &Digest) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    open(store, digest)?.read_to_end(&mut bytes).map_err(|_| damaged(digest))?;
    if Digest::of(&bytes) == *digest { Ok(bytes) } else { Err(damaged(digest)) }
}

fn open(store: &Folders, digest: &Digest) -> Result<File, StoreError> {
    let (folder, name) = shelf(store, digest).ok_or_else(|| damaged(digest))?;
    folder.open(name).map_err(|_| damaged(digest))
}

fn damaged(digest: &Digest) -> StoreError {
    StoreError::Damaged { digest: digest.to_string() }
}
