//! Text delimited by commas, semicolons, tabs or bars under a header line. Read row by row.

use super::columns::Columns;
use super::format::{Format, ReadOptions};
use super::table::{Table, TableError, TableOptions};
use super::text::encoding_of;
use super::{DatasetError, EachRow};
use serde_json::Value;
use std::fs::File;

pub(super) const FORMAT: Format = Format {
    name: "csv",
    description: "Cells under a header line, separated by commas, semicolons, tabs or bars.",
    extensions: &["csv", "tsv", "tab"],
    is_text: true,
    recognised: None,
    read,
};

fn read(
    path: &str,
    file: File,
    options: &ReadOptions<'_>,
    each: &mut EachRow<'_>,
) -> Result<Option<String>, DatasetError> {
    let malformed = |TableError { line, message }| {
        let line = usize::try_from(line).unwrap_or(usize::MAX);
        DatasetError::Malformed { path: path.to_owned(), line, column: 1, message }
    };
    let conventions = options.conventions;
    let options = TableOptions {
        separator: options.separator,
        encoding: encoding_of(options.encoding),
        wanted: &[options.question_key, options.id_key],
        trim: false,
        short_rows: !conventions.is_plain(),
    };
    let mut table = Table::open(file, &options).map_err(malformed)?;
    let columns = Columns::named(std::mem::take(&mut table.names), conventions);
    let columns = columns.map_err(|message| malformed(TableError { line: 1, message }))?;
    while let Some((_, cells)) = table.next().map_err(malformed)? {
        each(columns.row(cells.iter().map(Value::from)))?;
    }
    Ok(None)
}
