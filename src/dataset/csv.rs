//! Comma-separated values under a line of column names. Read row by row.

use super::{DatasetError, EachRow, LONGEST_ROW, RawRow};
use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord};
use serde_json::Value;
use std::cell::Cell;
use std::fs::File;
use std::io::{Error, Read};
use std::rc::Rc;

pub(super) fn read(path: &str, file: File, each: &mut EachRow<'_>) -> Result<(), DatasetError> {
    let (bounded, limit) = Bounded::new(file);
    let mut reader: Reader<Bounded> = ReaderBuilder::new().from_reader(bounded);
    let names: Vec<String> = reader
        .headers()
        .map_err(|error| explain(path, &error))?
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').to_owned())
        .collect();
    let mut record = StringRecord::new();
    while {
        limit.renew();
        reader.read_record(&mut record).map_err(|error| explain(path, &error))?
    } {
        let cells = record.iter().map(Value::from);
        each(names.iter().cloned().zip(cells).collect::<RawRow>())?;
    }
    Ok(())
}

/// A quote that is never closed would make one row of the rest of the file.
pub(crate) struct Bounded {
    file: File,
    /// What may be read before the next row is complete.
    left: Rc<Cell<u64>>,
}

/// What is left of the length that a row may have.
pub(crate) struct Limit(Rc<Cell<u64>>);

impl Limit {
    /// Begins another row.
    pub fn renew(&self) {
        self.0.set(LONGEST_ROW);
    }
}

impl Bounded {
    /// A file of rows, and the limit of the row that is read.
    pub fn new(file: File) -> (Self, Limit) {
        let left = Rc::new(Cell::new(LONGEST_ROW));
        (Self { file, left: Rc::clone(&left) }, Limit(left))
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        let left = self.left.get().checked_sub(count as u64);
        let left = left.ok_or_else(|| {
            let mib = LONGEST_ROW >> 20;
            Error::other(format!("a row of more than {mib} MiB: is a quote not closed?"))
        })?;
        self.left.set(left);
        Ok(count)
    }
}

fn explain(path: &str, error: &csv::Error) -> DatasetError {
    let line = error.position().map_or(1, csv::Position::line);
    let message = match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} cells in a table of {expected_len} columns")
        }
        ErrorKind::Utf8 { .. } => "this is not UTF-8 text".to_owned(),
        ErrorKind::Io(error) => error.to_string(),
        _ => error.to_string(),
    };
    let line = usize::try_from(line).unwrap_or(usize::MAX);
    DatasetError::Malformed { path: path.to_owned(), line, column: 1, message }
}
