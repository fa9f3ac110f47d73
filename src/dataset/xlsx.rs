//! One sheet of a spreadsheet, with column names in its first row.

use super::columns::Columns;
use super::conventions::Conventions;
use super::format::{Format, ReadOptions};
use super::quiet::without_panic;
use super::unpacked::check_spreadsheet;
use super::weight::weight_of;
use super::{DatasetError, EachRow, RawRow, read_whole};
use crate::bounded::{Bounds, stream};
use calamine::{Data, ExcelDateTime, Reader, open_workbook_auto_from_rs};
use serde_json::Value;
use std::fs::File;
use std::io::Cursor;
use std::sync::Arc;

/// Largest file in MiB: a spreadsheet is held whole, packed and unpacked.
const MOST_MIB: u64 = 64;
/// Bounds of a sheet, with the texts and styles that all sheets share.
const OF_A_SHEET: Bounds = Bounds { seconds: 8, mib: 416 };

enum Piece {
    Row(RawRow),
    /// Advice if nothing was found in the rows.
    Hint(String),
}

/// Callback that takes pieces until it returns false.
type EachPiece<'a> = dyn FnMut(Piece) -> bool + 'a;

pub(super) const FORMAT: Format = Format {
    name: "xlsx",
    description: "A sheet of a spreadsheet (xlsx, xls, ods) with column names in its first row.",
    extensions: &["xlsx", "xls", "xlsb", "xlsm", "ods"],
    is_text: false,
    recognised: Some((
        b"PK\x03\x04",
        "is a spreadsheet or a zip archive; for a spreadsheet, set dataset.format: xlsx; unpack an archive first, or \
         name the unpacked file",
    )),
    read,
};

/// Reads a sheet, the first if none is named. Returns advice for the case that nothing was found in
/// it: the questions may be in another sheet.
fn read(
    path: &str,
    file: File,
    options: &ReadOptions<'_>,
    each: &mut EachRow<'_>,
) -> Result<Option<String>, DatasetError> {
    let (name, sheet) = (path.to_owned(), options.sheet.map(str::to_owned));
    let conventions = options.conventions;
    let pieces = move |each: &mut dyn FnMut(Result<Piece, DatasetError>, usize) -> bool| {
        let mut hand_over = |piece: Piece| {
            let weight = match &piece {
                Piece::Row(row) => row.values().map(weight_of).sum(),
                Piece::Hint(_) => 0,
            };
            each(Ok(piece), weight)
        };
        let read =
            without_panic(|| read_rows(&name, file, sheet.as_deref(), conventions, &mut hand_over));
        let read = read.unwrap_or_else(|| Err(DatasetError::unread_sheet(&name)));
        if let Err(error) = read {
            each(Err(error), 0);
        }
    };
    let mut hint = None;
    let take = |piece: Result<Piece, DatasetError>| match piece? {
        Piece::Row(row) => each(row),
        Piece::Hint(text) => {
            hint = Some(text);
            Ok(())
        }
    };
    let done = stream(OF_A_SHEET, pieces, take).unwrap_or_else(|exceeded| {
        let what = exceeded.in_words("a sheet");
        Err(DatasetError::TooLarge { path: path.to_owned(), what })
    });
    done.map(|()| hint)
}

fn read_rows(
    path: &str,
    file: File,
    sheet: Option<&str>,
    conventions: Conventions,
    each: &mut EachPiece<'_>,
) -> Result<(), DatasetError> {
    let content: Arc<[u8]> = read_whole(path, file, MOST_MIB)?.into();
    check_spreadsheet(path, &content)?;
    let mut workbook = open_workbook_auto_from_rs(Cursor::new(content))
        .map_err(|_| DatasetError::unread_sheet(path))?;
    let names = workbook.sheet_names();
    let name = match sheet {
        Some(sheet) => {
            names.iter().find(|name| *name == sheet).ok_or_else(|| DatasetError::NoSuchSheet {
                path: path.to_owned(),
                sheet: sheet.to_owned(),
                sheets: quoted(&names),
            })?
        }
        None => names
            .first()
            .ok_or_else(|| DatasetError::of_sheet(path, "it has no sheet".to_owned()))?,
    };
    let range = workbook.worksheet_range(name).map_err(|_| DatasetError::unread_sheet(path))?;
    let mut rows = range.rows();
    let columns = rows.next().into_iter().flatten().map(|cell| shown(cell).trim().to_owned());
    let columns = Columns::named(columns.collect(), conventions);
    let columns = columns.map_err(|message| {
        DatasetError::of_sheet(path, format!("in the sheet `{name}` {message}"))
    })?;
    for row in rows {
        if !each(Piece::Row(columns.row(row.iter().map(to_value)))) {
            return Ok(());
        }
    }
    let others: Vec<String> = names.iter().filter(|other| *other != name).cloned().collect();
    if sheet.is_none() && !others.is_empty() {
        each(Piece::Hint(format!(
            "only its first sheet, `{name}`, was read; to read another, set dataset.sheet to {}",
            quoted(&others)
        )));
    }
    Ok(())
}

fn quoted(names: &[String]) -> String {
    const MOST: usize = 20;
    let mut shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    if names.len() > MOST {
        shown.push(format!("one of {} more", names.len() - MOST));
    }
    shown.join(" or ")
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

/// Formats a date or time as a sheet shows it, instead of the number of days that it stores.
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
