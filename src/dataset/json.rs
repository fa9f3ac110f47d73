//! A JSON array of objects. The reference's own example has a trailing comma, so where strict
//! JSON fails, JSON5 decides.

use super::{DatasetError, RawRow, text_of};

pub(super) fn parse(path: &str, content: &[u8]) -> Result<Vec<RawRow>, DatasetError> {
    let text = text_of(path, content)?;
    let strict = match serde_json::from_str(text) {
        Ok(rows) => return Ok(rows),
        Err(error) => error,
    };
    json5::from_str(text).map_err(|tolerant| {
        // Where the text is no JSON of any kind, the tolerant parser's position is the true one.
        let (line, column) = tolerant
            .position()
            .map_or((strict.line(), strict.column()), |at| (at.line + 1, at.column + 1));
        let message = tolerant.to_string();
        let what = message.split(" at line ").next().unwrap_or(&message);
        DatasetError::Malformed {
            path: path.to_owned(),
            line,
            column,
            message: format!("{what} (a dataset in JSON is an array of objects)"),
        }
    })
}
