//! Datasets: from a file to items, and from items to the runs of a level.
//!
//! # Concepts
//!
//! - A [`DatasetSpec`] is the spec's section `dataset`.
//! - A raw row is a map from column names to JSON values, as any format yields it.
//! - A [`Row`](crate::measure::Row) is what becomes of it: an [`Item`](crate::measure::Item) with a
//!   unique id, or a dropped row with the reason.
//! - [`RequiredFields`] names the fields that the workflow uses besides id and question; [`Counts`] says how
//!   many rows became items, were dropped or filtered out.
//!
//! # Flow
//!
//! [`for_each_row`] opens the file ([`open`]), rejects a file whose first bytes show another format
//! (`sniff`), and reads it with the reader of its format, one of those that `formats` registers:
//! `json`, `jsonl`, `csv`, `parquet` and `xlsx`. `rows` then applies the filter, looks keys up (`lookup`; they may be paths), turns
//! conversations into messages (`messages`) and makes ids unique. JSON lines, CSV and Parquet are
//! streamed row by row. [`download`] fetches a remote dataset beforehand; [`level_size`] is the
//! default number of runs of a level.
//!
//! No file is trusted: `footer`, `xls`, `unpacked` and `ods` check a file's claims about its size
//! before a library acts on them, and `bounded` limits memory and time. The limits are listed in
//! `docs/limits.md`.
//!
//! The pipeline's `expand` stage depends on this, and so do the readers of foreign recordings in
//! [`crate::load`]. It touches files and the network.

mod checking_reader;
mod columns;
mod config;
mod conventions;
mod csv;
mod error;
mod expand;
mod footer;
mod format;
mod formats;
mod json;
mod json_rows;
mod json_shape;
mod json_text;
mod jsonl;
mod lookup;
mod messages;
mod ods;
mod parquet;
mod quiet;
mod remote;
mod rows;
mod sniff;
mod table;
mod text;
mod thrift;
mod unpacked;
mod weight;
mod xls;
mod xlsx;

pub(crate) use columns::double as double_column;
pub use config::{DatasetSpec, Filter, FilterValue, Patterns};
pub use conventions::Conventions;
pub use error::DatasetError;
pub use expand::level_size;
pub(crate) use footer::check_footer;
pub use formats::DatasetFormat;
pub(crate) use parquet::{OF_A_ROW, to_row as parquet_row, unread_codec};
pub(crate) use quiet::without_panic;
pub use remote::{download, shown_url};
pub(crate) use rows::check_kept;
pub use rows::{Counts, RequiredFields, for_each_row};
pub(crate) use sniff::{head_of, no_text, pointer};
pub(crate) use table::{Table, TableError, TableOptions};
pub(crate) use unpacked::check_parquet;
pub(crate) use weight::weight_of;

use indexmap::IndexMap;
use serde_json::Value;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A dataset row as read, its keys in order, before it is known whether it is usable.
type RawRow = IndexMap<String, Value>;

/// Callback that takes one row after the other; an error ends the reading.
type EachRow<'a> = dyn FnMut(RawRow) -> Result<(), DatasetError> + 'a;

/// Longest row of a streamed dataset, in bytes.
const LONGEST_ROW: u64 = 16 << 20;

/// Opens a dataset file.
pub fn open(path: &Path) -> Result<File, DatasetError> {
    let unreadable = |error| DatasetError::Unreadable { path: path.display().to_string(), error };
    // A pipe would be waited for, and a device never ends. Both are known before they are opened, but
    // what lies there may change: so neither blocks.
    #[cfg(unix)]
    let file = {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NONBLOCK.bits();
        let flags = flags.cast_signed();
        File::options().read(true).custom_flags(flags).open(path)
    };
    #[cfg(not(unix))]
    let file = File::open(path);
    let file = file.map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(unreadable(std::io::ErrorKind::IsADirectory.into()));
    }
    if !metadata.is_file() {
        return Err(DatasetError::NoFile { path: path.display().to_string() });
    }
    Ok(file)
}

/// Reads a file completely, for formats that cannot be streamed; fails beyond `most_mib` MiB.
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
