//! A JSON array of objects, or a table as pandas writes it, whole or in lines. The reference's own example has a
//! trailing comma, so where strict JSON fails, a tolerant parser decides.

use super::json_rows::stream;
use super::json_text::{Tidied, tidied};
use super::text::{decoded, encoding_of, not_utf8};
use super::{DatasetError, EachRow, RawRow, json_shape, read_whole};
use crate::spec::DatasetSpec;
use jsonc_parser::{ParseOptions, parse_to_serde_value};
use serde_json::{Deserializer, Value};
use std::fs::File;

/// An array cannot be read row by row with a tolerant parser; larger ones belong into JSON lines.
const MOST_MIB: u64 = 384;
/// What is read tolerantly is held as values, which take many times their text.
const MOST_TOLERATED_MIB: usize = 16;

pub(super) fn read(
    path: &str,
    file: File,
    spec: &DatasetSpec,
    each: &mut EachRow<'_>,
) -> Result<Option<String>, DatasetError> {
    let encoding = encoding_of(spec.encoding.as_deref());
    let content = read_whole(path, decoded(file, encoding), MOST_MIB)?;
    let text = tidied(text_of(path, &content)?);
    if let Some(read) = stream(path, &text.text, each) {
        return read.map(|()| None);
    }
    if is_lines(&text.text) {
        return lines(path, &text, each).map(|()| None);
    }
    if text.text.len() > MOST_TOLERATED_MIB << 20 {
        let what = format!(
            "more than {MOST_TOLERATED_MIB} MiB that are not strictly JSON, or no array of objects"
        );
        return Err(DatasetError::TooLarge { path: path.to_owned(), what });
    }
    let document = parse(path, &text)?;
    let lists = document.as_array().and_then(|list| list.first()).is_some_and(Value::is_array);
    let hint = lists.then(|| json_shape::BY_POSITION.to_owned());
    json_shape::rows(document, path, spec)?.into_iter().try_for_each(each)?;
    Ok(hint)
}

/// Objects one after the other, as `DataFrame.to_json(lines=True)` writes them.
fn lines(path: &str, text: &Tidied<'_>, each: &mut EachRow<'_>) -> Result<(), DatasetError> {
    for row in Deserializer::from_str(&text.text).into_iter::<RawRow>() {
        each(row.map_err(|error| {
            let message = error.to_string();
            let what = message.split(" at line ").next().unwrap_or(&message);
            let (line, column) = (error.line(), text.column(error.line(), error.column()));
            let message = format!("{what} (as in JSON lines, one object follows another here)");
            DatasetError::Malformed { path: path.to_owned(), line, column, message }
        })?)?;
    }
    Ok(())
}

fn parse(path: &str, text: &Tidied<'_>) -> Result<Value, DatasetError> {
    if let Ok(value) = serde_json::from_str(&text.text) {
        return Ok(value);
    }
    let malformed = |line: usize, column: usize, message: String| DatasetError::Malformed {
        path: path.to_owned(),
        line,
        column,
        message,
    };
    // A missing comma is a slip and not a style: tolerated, it could join two questions.
    let options = ParseOptions { allow_missing_commas: false, ..ParseOptions::default() };
    parse_to_serde_value(&text.text, &options).map_err(|error| {
        let (line, column) = (error.line_display(), error.column_display());
        let message = format!("{} (a dataset in JSON is an array of objects)", error.kind());
        malformed(line, text.column(line, column), message)
    })
}

/// Whether a text is several objects, one after the other.
fn is_lines(text: &str) -> bool {
    let mut objects = Deserializer::from_str(text).into_iter::<Value>();
    let first_two = [objects.next(), objects.next()];
    first_two.iter().all(|object| matches!(object, Some(Ok(Value::Object(_)))))
}

fn text_of<'a>(path: &str, content: &'a [u8]) -> Result<&'a str, DatasetError> {
    std::str::from_utf8(content).map_err(|error| {
        let valid = content.get(..error.valid_up_to()).unwrap_or_default();
        let line = memchr::memchr_iter(b'\n', valid).count() + 1;
        let column = valid.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
        let message = not_utf8(content.get(error.valid_up_to()).copied());
        DatasetError::Malformed { path: path.to_owned(), line, column, message }
    })
}
