//! From a dataset file to items, and from items to the runs of a level. One file per format.

mod expand;
mod json;
mod jsonl;

pub use expand::level_items;

use crate::measure::{Item, Row};
use crate::spec::{DatasetFormat, DatasetSpec};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::path::Path;

/// A dataset row before it is known whether it can be asked.
type RawRow = Map<String, Value>;

/// Why a dataset cannot be used. The message names the line where there is one.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The file cannot be read.
    #[error("the dataset {path} cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file is not what its format says.
    #[error("{path}:{line}:{column}: {message}")]
    Malformed {
        /// The file.
        path: String,
        /// One-based line.
        line: usize,
        /// One-based column.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// No row can be asked.
    #[error("the dataset {path} has no question to ask: {detail}")]
    Empty {
        /// The file.
        path: String,
        /// What was found instead.
        detail: String,
    },
    /// Too large to be held.
    #[error("the dataset {path} is larger than {limit_mib} MiB")]
    TooLarge {
        /// The file.
        path: String,
        /// The limit.
        limit_mib: u64,
    },
    /// The extension says nothing.
    #[error("the format of {path} is not known: name it .json or .jsonl, or set dataset.format")]
    UnknownFormat {
        /// The file.
        path: String,
    },
}

/// Files beyond this are no question lists.
const LARGEST_FILE: u64 = 1 << 30;

/// Reads a dataset file as it is: the bytes that its digest is taken of.
pub fn read(path: &Path) -> Result<Vec<u8>, DatasetError> {
    let shown = || path.display().to_string();
    let unreadable = |error| DatasetError::Unreadable { path: shown(), error };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > LARGEST_FILE {
        return Err(DatasetError::TooLarge { path: shown(), limit_mib: LARGEST_FILE >> 20 });
    }
    std::fs::read(path).map_err(unreadable)
}

/// Turns the content of a dataset file into rows: items with unique ids, and the rows that were
/// dropped because their question is empty.
pub fn parse(spec: &DatasetSpec, path: &Path, content: &[u8]) -> Result<Vec<Row>, DatasetError> {
    let shown = path.display().to_string();
    let format = spec.format();
    let format = format.ok_or_else(|| DatasetError::UnknownFormat { path: shown.clone() })?;
    let raw = match format {
        DatasetFormat::Json => json::parse(&shown, content)?,
        DatasetFormat::Jsonl => jsonl::parse(&shown, content)?,
    };
    let count = raw.len();
    let rows = to_rows(spec, raw);
    if rows.iter().all(|row| row.item().is_none()) {
        let detail = match count {
            0 => "it has no rows".to_owned(),
            _ => format!(
                "in none of its {count} rows does `{}` hold a text; set dataset.question_key to the key that does",
                spec.question_key
            ),
        };
        return Err(DatasetError::Empty { path: shown, detail });
    }
    Ok(rows)
}

fn to_rows(spec: &DatasetSpec, raw: Vec<RawRow>) -> Vec<Row> {
    let mut taken = HashSet::new();
    raw.into_iter()
        .enumerate()
        .map(|(index, mut row)| {
            let number = index + 1;
            let Some(input) = row.remove(&spec.question_key).and_then(plain_text) else {
                return Row::Dropped { row: number, dropped: "empty question".to_owned() };
            };
            let id = row.remove(&spec.id_key).and_then(plain_text);
            Row::Item(Item {
                id: unique(id.unwrap_or_else(|| number.to_string()), &mut taken),
                input,
            })
        })
        .collect()
}

/// A scalar as text; `None` where it is empty or no scalar.
fn plain_text(value: Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        _ => return None,
    };
    (!text.trim().is_empty()).then_some(text)
}

/// The id, with `_2`, `_3`, … appended where it was taken already.
fn unique(id: String, taken: &mut HashSet<String>) -> String {
    if taken.insert(id.clone()) {
        return id;
    }
    let mut number = 2_usize;
    loop {
        let candidate = format!("{id}_{number}");
        if taken.insert(candidate.clone()) {
            return candidate;
        }
        number += 1;
    }
}

fn text_of<'a>(path: &str, content: &'a [u8]) -> Result<&'a str, DatasetError> {
    std::str::from_utf8(content).map(|text| text.trim_start_matches('\u{feff}')).map_err(|error| {
        let valid = content.get(..error.valid_up_to()).unwrap_or_default();
        let line = memchr::memchr_iter(b'\n', valid).count() + 1;
        let column = valid.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
        let message = "this is not UTF-8 text".to_owned();
        DatasetError::Malformed { path: path.to_owned(), line, column, message }
    })
}
