//! Sizer's own recordings, read from files of unknown origin.

use super::ForeignError;
use crate::bounded::{Bounds, LimitExceeded, stream};
use crate::dataset::{check_footer, check_parquet, unread_codec, without_panic};
use crate::load::{from_parquet, is_own_parquet};
use crate::measure::Recording;
use parquet::file::reader::{FileReader, SerializedFileReader};
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

/// Limits of reading a file, which is held whole.
const OF_A_FILE: Bounds = Bounds { seconds: 9, mib: 320 };
/// Largest size of a file, and of several that are read together.
const MOST_MIB: u64 = 128;

/// Reads the recordings of workers, each with the name of its file.
///
/// # Errors
///
/// Fails at the first file that cannot be read or is no recording of sizer's own, and if they are
/// too large together.
pub fn read_shares(paths: &[PathBuf]) -> Result<Vec<(String, Recording)>, ForeignError> {
    let mut size = 0_u64;
    let mut shares = Vec::new();
    for path in paths {
        let shown = path.display().to_string();
        let mut file = opened(path, &shown, &mut size)?;
        if !is_own(&shown, &mut file)? {
            return Err(ForeignError::file(&shown, "it is not a recording written by a worker"));
        }
        shares.push((shown.clone(), read_whole(&shown, file)?));
    }
    Ok(shares)
}

/// Opens a file, unless it is too large together with those before it, whose size is `before`.
fn opened(path: &Path, shown: &str, before: &mut u64) -> Result<File, ForeignError> {
    let unreadable = |error| ForeignError::Unreadable { path: shown.to_owned(), error };
    // Opening a pipe would wait for whoever writes to it.
    let metadata = path.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(ForeignError::file(shown, "it is not a regular file"));
    }
    *before = before.saturating_add(metadata.len());
    if *before > MOST_MIB << 20 {
        let what = format!("the recordings up to here take more than {MOST_MIB} MiB");
        return Err(too_large(shown, &what));
    }
    File::open(path).map_err(unreadable)
}

/// Returns true if a Parquet file is one of sizer's own; fails if it cannot be read as Parquet.
pub(super) fn is_own(shown: &str, file: &mut File) -> Result<bool, ForeignError> {
    let unreadable = |error| ForeignError::Unreadable { path: shown.to_owned(), error };
    check_footer(file).map_err(unreadable)?.map_err(|what| too_large(shown, &what))?;
    let is_own = without_panic(|| {
        let reader = SerializedFileReader::new(file.try_clone().map_err(unreadable)?);
        let reader = reader.map_err(|_| damaged(shown))?;
        if let Some(codec) = unread_codec(reader.metadata()) {
            return Err(ForeignError::file(shown, codec));
        }
        check_parquet(reader.metadata()).map_err(|what| too_large(shown, &what))?;
        Ok(is_own_parquet(&reader))
    });
    is_own.unwrap_or_else(|| Err(damaged(shown)))
}

/// Reads a file of sizer's own.
pub(super) fn read_whole(shown: &str, file: File) -> Result<Recording, ForeignError> {
    let name = shown.to_owned();
    let make = move |each: &mut dyn FnMut(Result<Recording, ForeignError>, usize) -> bool| {
        // The crate answers some damaged files with a panic; a hostile file must not end the process.
        let read = without_panic(|| recording(&name, file));
        each(read.unwrap_or_else(|| Err(damaged(&name))), 0);
    };
    let mut whole = Recording::default();
    let take = |read: Result<Recording, ForeignError>| {
        whole = read?;
        Ok(())
    };
    let what = |exceeded: LimitExceeded| Err(too_large(shown, &exceeded.in_words("a level")));
    stream(OF_A_FILE, make, take).unwrap_or_else(what).map(|()| whole)
}

fn recording(shown: &str, mut file: File) -> Result<Recording, ForeignError> {
    let unreadable = |error| ForeignError::Unreadable { path: shown.to_owned(), error };
    let mut bytes = Vec::new();
    file.rewind().map_err(unreadable)?;
    file.take((MOST_MIB << 20) + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_MIB << 20 {
        return Err(too_large(shown, &format!("a level of more than {MOST_MIB} MiB")));
    }
    from_parquet(bytes).map_err(|_| damaged(shown))
}

pub(super) fn damaged(shown: &str) -> ForeignError {
    ForeignError::file(shown, "this is not a Parquet file, or it is damaged")
}

pub(super) fn too_large(shown: &str, what: &str) -> ForeignError {
    ForeignError::file(shown, format!("it is too large: {what}"))
}
