//! JSON arrays of objects, or tables as pandas writes them, whole or in lines. The reference's own
//! example has a trailing comma, so where strict JSON fails, a tolerant parser decides.

use super::format::{Format, ReadOptions};
use super::json_rows::{Separator, stream};
use super::json_text::{LosslessJson, tidied};
use super::text::{decoded, encoding_of, not_utf8};
use super::{DatasetError, EachRow, json_shape, read_whole};
use crate::bounded::{MOST_VALUES, has_too_many_values};
use jsonc_parser::{ParseOptions, parse_to_serde_value};
use serde_json::Value;
use std::fs::File;

/// Largest file in MiB: an array is read whole; larger datasets belong in JSON lines.
const MOST_MIB: u64 = 256;
/// Largest text in MiB that is parsed tolerantly: its values are held, and take many times the
/// text.
const MOST_TOLERATED_MIB: usize = 16;

pub(super) const FORMAT: Format = Format {
    name: "json",
    description: "A JSON array of objects; comments and trailing commas are tolerated.",
    extensions: &["json", "json5", "jsonc"],
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
    let encoding = encoding_of(options.encoding);
    let content = read_whole(path, decoded(file, encoding), MOST_MIB)?;
    let text = text_of(path, &content)?;
    let is_tolerated = text.len() <= MOST_TOLERATED_MIB << 20;
    for between in [Separator::Commas, Separator::Nothing] {
        if let Some(read) = stream(path, text, between, is_tolerated, each) {
            return read.map(|()| None);
        }
    }
    let too_large = |what: String| {
        let what = format!("{what} in a form that is not strict JSON, or not an array of objects");
        DatasetError::TooLarge { path: path.to_owned(), what }
    };
    if !is_tolerated {
        return Err(too_large(format!("more than {MOST_TOLERATED_MIB} MiB")));
    }
    if has_too_many_values(text.as_bytes()) {
        return Err(too_large(format!("more than {MOST_VALUES} values")));
    }
    let document = parse(path, &tidied(text))?;
    let lists = document.as_array().and_then(|list| list.first()).is_some_and(Value::is_array);
    let hint = lists.then(|| json_shape::BY_POSITION.to_owned());
    json_shape::rows(document, path, options)?.into_iter().try_for_each(each)?;
    Ok(hint)
}

fn parse(path: &str, text: &LosslessJson<'_>) -> Result<Value, DatasetError> {
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

fn text_of<'a>(path: &str, content: &'a [u8]) -> Result<&'a str, DatasetError> {
    std::str::from_utf8(content).map_err(|error| {
        let (valid, _) = content.split_at(error.valid_up_to());
        let line = memchr::memchr_iter(b'\n', valid).count() + 1;
        let column = valid.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
        let message = not_utf8(content.get(error.valid_up_to()).copied());
        DatasetError::Malformed { path: path.to_owned(), line, column, message }
    })
}
