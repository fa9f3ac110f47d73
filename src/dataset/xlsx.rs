//! A sheet of a spreadsheet, with column names in its first row.

use super::columns::Columns;
use super::unpacked::check_spreadsheet;
use super::{DatasetError, EachRow, read_whole};
use calamine::{Data, ExcelDateTime, Reader, open_workbook_auto_from_rs};
use serde_json::Value;
use std::fs::File;
use std::io::Cursor;

/// Spreadsheets are held whole, packed and unpacked.
const MOST_MIB: u64 = 64;

/// Reads a sheet, the first where none is named. What to say where nothing was found in it comes
/// back: the questions may be in another one.
pub(super) fn read(
    path: &str,
    file: File,
    sheet: Option<&str>,
    each: &mut EachRow<'_>,
) -> Result<Option<String>, DatasetError> {
    let damaged = |message: String| DatasetError::Damaged {
        path: path.to_owned(),
        format: "spreadsheet",
        message,
    };
    let content = read_whole(path, file, MOST_MIB)?;
    check_spreadsheet(path, &content)?;
    let unread =
        || damaged("it cannot be read: it is damaged, or protected by a password".to_owned());
    let mut workbook = open_workbook_auto_from_rs(Cursor::new(content)).map_err(|_| unread())?;
    let names = workbook.sheet_names();
    let name = match sheet {
        Some(sheet) => {
            names.iter().find(|name| *name == sheet).ok_or_else(|| DatasetError::NoSuchSheet {
                path: path.to_owned(),
                sheet: sheet.to_owned(),
                sheets: quoted(&names),
            })?
        }
        None => names.first().ok_or_else(|| damaged("it has no sheet".to_owned()))?,
    };
    let range = workbook.worksheet_range(name).map_err(|_| unread())?;
    let mut rows = range.rows();
    let columns = rows.next().into_iter().flatten().map(|cell| shown(cell).trim().to_owned());
    let columns = Columns::named(columns.collect());
    let columns = columns.map_err(|message| damaged(format!("in the sheet `{name}` {message}")))?;
    for row in rows {
        each(columns.row(row.iter().map(to_value)))?;
    }
    let others: Vec<String> = names.iter().filter(|other| *other != name).cloned().collect();
    let only = sheet.is_none() && !others.is_empty();
    Ok(only.then(|| {
        format!(
            "only its first sheet, `{name}`, was read: for another one set dataset.sheet, to {}",
            quoted(&others)
        )
    }))
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(" or ")
}

fn shown(cell: &Data) -> String {
    match to_value(cell) {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn to_value(cell: &Data) -> Value {
    match cell {
        Data::Empty | Data::Error(_) => Value::Null,
        Data::Int(number) => Value::from(*number),
        // Spreadsheets know no whole numbers: an id of 7 comes as 7.0.
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 1e21 => {
            Value::from(format!("{number:.0}"))
        }
        Data::Float(number) => Value::from(*number),
        Data::Bool(value) => Value::from(*value),
        Data::DateTime(time) => Value::from(date_or_time(time)),
        other => Value::from(other.to_string()),
    }
}

/// As a sheet shows it, and not as the number of days that it holds.
fn date_or_time(time: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, milli) = time.to_ymd_hms_milli();
    let fraction = if milli == 0 { String::new() } else { format!(".{milli:03}") };
    let clock = format!("{hour:02}:{minute:02}:{second:02}{fraction}");
    let days = time.as_f64();
    if time.is_duration() {
        // Longer than a day, hours go on.
        let hours = (days.abs() + 1e-9).floor() * 24.0 + f64::from(hour);
        let sign = if days < 0.0 { "-" } else { "" };
        return format!("{sign}{hours:02.0}:{minute:02}:{second:02}{fraction}");
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    match (days < 1.0, days.fract() == 0.0) {
        (true, _) => clock,
        (false, true) => date,
        (false, false) => format!("{date} {clock}"),
    }
}

#[cfg(test)]
mod tests {
    use super::date_or_time;
    use calamine::{ExcelDateTime, ExcelDateTimeType};

    #[test]
    fn dates_are_dates() {
        let shown = |value, kind| date_or_time(&ExcelDateTime::new(value, kind, false));
        for (value, expected) in [
            (45_943.0, "2025-10-13"),
            (45_943.5, "2025-10-13 12:00:00"),
            (45_943.541, "2025-10-13 12:59:02.400"),
            (0.25, "06:00:00"),
        ] {
            assert_eq!(shown(value, ExcelDateTimeType::DateTime), expected);
        }
        for (value, expected) in [(0.5, "12:00:00"), (1.5, "36:00:00"), (2.0, "48:00:00")] {
            assert_eq!(shown(value, ExcelDateTimeType::TimeDelta), expected);
        }
    }
}
