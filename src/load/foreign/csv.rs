//! Values separated by commas, semicolons, tabs or bars under a line of column names.

use super::ForeignError;
use super::error::Place;
use super::row::Rows;
use crate::dataset::{Table, TableError, TableOptions, double_column};
use serde_json::Value;
use std::fs::File;

pub(super) fn read(shown: &str, file: File, rows: &mut Rows<'_>) -> Result<(), ForeignError> {
    let place = |line| Place { path: shown, line, value: "column", text: true };
    let explain = |TableError { line, message }| place(line).wrong(message);
    let options = TableOptions {
        wanted: &["start", "end", "concurrency"],
        trim: true,
        ..TableOptions::default()
    };
    let mut table = Table::open(file, &options).map_err(explain)?;
    let names = std::mem::take(&mut table.names);
    if let Some(name) = double_column(&names) {
        return Err(place(1).wrong_at(name, "the column appears twice"));
    }
    if names.is_empty() {
        return Ok(());
    }
    rows.has_columns(&place(1), |name| names.iter().any(|it| it == name))?;
    while let Some((line, cells)) = table.next().map_err(explain)? {
        let row = names.iter().cloned().zip(cells.iter().map(Value::from)).collect();
        rows.take(&place(line), &row)?;
    }
    Ok(())
}
