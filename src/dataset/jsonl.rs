//! One JSON object per line; empty lines are skipped.

use super::{DatasetError, RawRow, text_of};

pub(super) fn parse(path: &str, content: &[u8]) -> Result<Vec<RawRow>, DatasetError> {
    let text = text_of(path, content)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|error| {
                let message = error.to_string();
                let what = message.split(" at line ").next().unwrap_or(&message);
                DatasetError::Malformed {
                    path: path.to_owned(),
                    line: index + 1,
                    column: error.column(),
                    message: format!("{what} (a dataset in JSON lines has one object per line)"),
                }
            })
        })
        .collect()
}
