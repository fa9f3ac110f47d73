//! JSON lines.

use super::ForeignError;
use super::error::Place;
use super::row::Rows;
use crate::bounded::{MOST_VALUES, has_too_many_values};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};

/// One line of a recording is no longer.
const LONGEST_LINE: u64 = 16 << 20;
const ONE_PER_LINE: &str = "a recording has one object per line, such as {\"concurrency\": 8, \"start\": 12.04, \
                            \"end\": 19.31}; `jq -c '.[]'` turns a list into lines, `jq -c .` objects that span \
                            several lines";

pub(super) fn read(shown: &str, file: File, rows: &mut Rows<'_>) -> Result<(), ForeignError> {
    let unreadable = |error| ForeignError::Unreadable { path: shown.to_owned(), error };
    let mut reader = BufReader::new(file);
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let read = (&mut reader).take(LONGEST_LINE + 1).read_until(b'\n', &mut bytes);
        let read = read.map_err(unreadable)?;
        if read == 0 {
            break;
        }
        let place = Place { path: shown, line, value: "key", text: true };
        if read as u64 > LONGEST_LINE {
            let message = format!("a line of more than {} MiB", LONGEST_LINE >> 20);
            return Err(place.wrong(message).help(ONE_PER_LINE));
        }
        let mut text = bytes.as_slice();
        if line == 1 {
            text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        if has_too_many_values(text) {
            let message = format!("a line of more than {MOST_VALUES} values");
            return Err(place.wrong(message).help(ONE_PER_LINE));
        }
        match serde_json::from_slice(text) {
            Ok(Value::Object(row)) => rows.take(&place, &row)?,
            Ok(_) => return Err(no_object(&place, text)),
            Err(error) => return Err(broken(&place, text, &error)),
        }
    }
    Ok(())
}

fn no_object(place: &Place<'_>, text: &[u8]) -> ForeignError {
    let what = if text.trim_ascii_start().starts_with(b"[") { "a list" } else { "not an object" };
    place.wrong(format!("this is {what}: expected one object per line")).help(ONE_PER_LINE)
}

fn broken(place: &Place<'_>, text: &[u8], error: &serde_json::Error) -> ForeignError {
    match text.trim_ascii_start().first() {
        Some(b'{') if error.is_eof() => {
            let message = "the object does not end on its line: expected one object per line";
            place.wrong(message).help(ONE_PER_LINE)
        }
        Some(b'{') => {
            let message = if std::str::from_utf8(text).is_ok() {
                "this is not JSON (nor are NaN and Infinity valid numbers in JSON)"
            } else {
                "this is not UTF-8 text"
            };
            place.wrong_column(error.column(), message)
        }
        _ => no_object(place, text),
    }
}
