//! From a dataset file to items, and from items to the runs of a level. One file per format.

mod bounded;
mod columns;
mod csv;
mod error;
mod expand;
mod json;
mod json_shape;
mod json_text;
mod jsonl;
mod lookup;
mod messages;
mod parquet;
mod quiet;
mod remote;
mod rows;
mod sniff;
mod table;
mod text;
mod xlsx;

pub use error::DatasetError;
pub use expand::level_size;
pub(crate) use parquet::{to_row as parquet_row, unread_codec};
pub(crate) use quiet::without_panic;
pub use remote::{download, shown_url};
pub use rows::{Counts, Needs, for_each_row};
pub(crate) use sniff::{head_of, no_text, pointer};
pub(crate) use table::{Table, TableError, TableOptions};

use indexmap::IndexMap;
use serde_json::Value;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A dataset row before it is known whether it can be asked, its keys in order.
type RawRow = IndexMap<String, Value>;

/// Takes one row after the other; an error ends the reading.
type EachRow<'a> = dyn FnMut(RawRow) -> Result<(), DatasetError> + 'a;

/// One row of a streamed dataset is no longer.
const LONGEST_ROW: u64 = 16 << 20;

/// Opens a dataset file.
pub fn open(path: &Path) -> Result<File, DatasetError> {
    let unreadable = |error| DatasetError::Unreadable { path: path.display().to_string(), error };
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(unreadable(std::io::ErrorKind::IsADirectory.into()));
    }
    Ok(file)
}

/// Reads a file of a format that has to be held whole.
fn read_whole(path: &str, file: impl Read, most_mib: u64) -> Result<Vec<u8>, DatasetError> {
    let mut bytes = Vec::new();
    let limit = most_mib << 20;
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| DatasetError::Unreadable { path: path.to_owned(), error })?;
    if bytes.len() as u64 > limit {
        let what = format!("more than {most_mib} MiB in a format that is read whole");
        return Err(DatasetError::TooLarge { path: path.to_owned(), what });
    }
    Ok(bytes)
}
