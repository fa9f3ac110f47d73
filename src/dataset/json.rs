//! A JSON array of objects. The reference's own example has a trailing comma, so where strict
//! JSON fails, a tolerant parser decides.

use super::json_rows::stream;
use super::{DatasetError, EachRow, RawRow, read_whole};
use jsonc_parser::{ParseOptions, parse_to_serde_value};
use std::fs::File;

/// An array cannot be read row by row with a tolerant parser; larger ones belong into JSON lines.
const MOST_MIB: u64 = 384;
/// What is read tolerantly is held as values, which take many times their text.
const MOST_TOLERATED_MIB: usize = 16;

pub(super) fn read(path: &str, file: File, each: &mut EachRow<'_>) -> Result<(), DatasetError> {
    let content = read_whole(path, file, MOST_MIB)?;
    let text = text_of(path, &content)?;
    if let Some(read) = stream(path, text, each) {
        return read;
    }
    if text.len() > MOST_TOLERATED_MIB << 20 {
        let what = format!("more than {MOST_TOLERATED_MIB} MiB that are not strictly JSON");
        return Err(DatasetError::TooLarge { path: path.to_owned(), what });
    }
    parse(path, text)?.into_iter().try_for_each(each)
}

fn parse(path: &str, text: &str) -> Result<Vec<RawRow>, DatasetError> {
    if let Ok(rows) = serde_json::from_str(text) {
        return Ok(rows);
    }
    // A missing comma is a slip and not a style: tolerated, it could join two questions.
    let options = ParseOptions { allow_missing_commas: false, ..ParseOptions::default() };
    parse_to_serde_value(text, &options).map_err(|error| DatasetError::Malformed {
        path: path.to_owned(),
        line: error.line_display(),
        column: error.column_display(),
        message: format!("{} (a dataset in JSON is an array of objects)", error.kind()),
    })
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
