//! A JSON array of objects. The reference's own example has a trailing comma, so where strict
//! JSON fails, a tolerant parser decides.

use super::{DatasetError, RawRow, text_of};
use jsonc_parser::{ParseOptions, parse_to_serde_value};

pub(super) fn parse(path: &str, content: &[u8]) -> Result<Vec<RawRow>, DatasetError> {
    let text = text_of(path, content)?;
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
