//! One JSON object per line; empty lines are skipped. Read line by line, however long the file is.

use super::{DatasetError, EachRow, LONGEST_ROW};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};

pub(super) fn read(path: &str, file: File, each: &mut EachRow<'_>) -> Result<(), DatasetError> {
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let length = (&mut reader)
            .take(LONGEST_ROW + 1)
            .read_until(b'\n', &mut line)
            .map_err(|error| DatasetError::Unreadable { path: path.to_owned(), error })?;
        if length == 0 {
            break;
        }
        let malformed = |column: usize, message: String| DatasetError::Malformed {
            path: path.to_owned(),
            line: number,
            column,
            message: format!("{message} (a dataset in JSON lines has one object per line)"),
        };
        if length as u64 > LONGEST_ROW {
            return Err(malformed(1, format!("a line of more than {} MiB", LONGEST_ROW >> 20)));
        }
        let text = std::str::from_utf8(&line).map_err(|error| {
            malformed(error.valid_up_to() + 1, "this is not UTF-8 text".to_owned())
        })?;
        let text = if number == 1 { text.trim_start_matches('\u{feff}') } else { text };
        if text.trim().is_empty() {
            continue;
        }
        let row = serde_json::from_str(text.trim_end_matches(['\r', '\n'])).map_err(|error| {
            let message = error.to_string();
            let what = message.split(" at line ").next().unwrap_or(&message);
            malformed(error.column(), what.to_owned())
        })?;
        each(row)?;
    }
    Ok(())
}
