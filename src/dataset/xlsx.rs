//! The first sheet of a spreadsheet, with column names in its first row.

use super::unpacked::check_spreadsheet;
use super::{DatasetError, EachRow, RawRow, read_whole};
use calamine::{Data, Reader, open_workbook_auto_from_rs};
use serde_json::Value;
use std::fs::File;
use std::io::Cursor;

/// Spreadsheets are held whole, packed and unpacked.
const MOST_MIB: u64 = 64;

pub(super) fn read(path: &str, file: File, each: &mut EachRow<'_>) -> Result<(), DatasetError> {
    let damaged = |message: String| DatasetError::Damaged {
        path: path.to_owned(),
        format: "spreadsheet",
        message,
    };
    let content = read_whole(path, file, MOST_MIB)?;
    check_spreadsheet(path, &content)?;
    let mut workbook = open_workbook_auto_from_rs(Cursor::new(content))
        .map_err(|error| damaged(error.to_string()))?;
    let sheet = workbook.worksheet_range_at(0);
    let sheet = sheet.ok_or_else(|| damaged("it has no sheet".to_owned()))?;
    let sheet = sheet.map_err(|error| damaged(error.to_string()))?;
    let mut rows = sheet.rows();
    let names: Vec<String> = rows.next().into_iter().flatten().map(ToString::to_string).collect();
    for row in rows {
        let cells = row.iter().map(to_value);
        each(names.iter().cloned().zip(cells).collect::<RawRow>())?;
    }
    Ok(())
}

fn to_value(cell: &Data) -> Value {
    match cell {
        Data::Empty | Data::Error(_) => Value::Null,
        Data::Int(number) => Value::from(*number),
        // Spreadsheets know no whole numbers: an id of 7 comes as 7.0.
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
            Value::from(format!("{number:.0}"))
        }
        Data::Float(number) => Value::from(*number),
        Data::Bool(value) => Value::from(*value),
        other => Value::from(other.to_string()),
    }
}
