//! Comma-separated values under a line of column names.

use super::ForeignError;
use super::error::Place;
use super::row::Rows;
use crate::dataset::BoundedRows;
use ::csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};
use serde_json::Value;
use std::fs::File;
use std::path::Path;

pub(super) fn read(shown: &str, path: &Path, rows: &mut Rows<'_>) -> Result<(), ForeignError> {
    let file = File::open(path);
    let file = file.map_err(|error| ForeignError::Unreadable { path: shown.to_owned(), error })?;
    let (bounded, limit) = BoundedRows::new(file);
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(bounded);
    let place = |line| Place { path: shown, line, value: "column", text: true };
    let explain = |error: &::csv::Error| {
        let line = error.position().map_or(1, ::csv::Position::line);
        place(line).wrong(match error.kind() {
            ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("{len} cells in a table of {expected_len} columns")
            }
            ErrorKind::Utf8 { .. } => "this is not UTF-8 text".to_owned(),
            ErrorKind::Io(error) => error.to_string(),
            _ => "this is no row of comma-separated values".to_owned(),
        })
    };
    let headers = reader.headers().map_err(|error| explain(&error))?;
    let names: Vec<String> =
        headers.iter().map(|it| it.trim_start_matches('\u{feff}').trim().to_owned()).collect();
    for (index, name) in names.iter().enumerate() {
        if names.iter().take(index).any(|other| other == name) {
            return Err(place(1).wrong_at(name, "the column is there twice"));
        }
    }
    if names.is_empty() {
        return Ok(());
    }
    rows.has_columns(&place(1), |name| names.iter().any(|it| it == name))?;
    let mut record = StringRecord::new();
    while {
        limit.renew();
        reader.read_record(&mut record).map_err(|error| explain(&error))?
    } {
        let cells = record.iter().map(Value::from);
        let row = names.iter().cloned().zip(cells).collect();
        let line = record.position().map_or(0, ::csv::Position::line);
        rows.take(&place(line), &row)?;
    }
    Ok(())
}
