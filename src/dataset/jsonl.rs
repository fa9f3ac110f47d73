//! JSON lines: one object per line; empty lines are skipped. Read line by line, however long the
//! file is.

use super::format::{Format, ReadOptions};
use super::json_rows::check_row;
use super::json_text::tidied;
use super::text::{decoded, encoding_of, not_utf8};
use super::{DatasetError, EachRow, LONGEST_ROW};
use std::fs::File;
use std::io::{BufRead, Read};

pub(super) const FORMAT: Format = Format {
    name: "jsonl",
    description: "One JSON object per line.",
    extensions: &["jsonl", "ndjson"],
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
    let mut reader = decoded(file, encoding_of(options.encoding));
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
            message,
        };
        if length as u64 > LONGEST_ROW {
            return Err(malformed(1, format!("a line of more than {} MiB", LONGEST_ROW >> 20)));
        }
        let text = std::str::from_utf8(&line).map_err(|error| {
            malformed(error.valid_up_to() + 1, not_utf8(line.get(error.valid_up_to()).copied()))
        })?;
        if text.trim().is_empty() {
            continue;
        }
        check_row(text).map_err(|what| malformed(1, what))?;
        let text = tidied(text.trim_end_matches(['\r', '\n']));
        let row = serde_json::from_str(&text.text).map_err(|error| {
            let message = error.to_string();
            let what = match text.text.trim_start().get(..1) {
                Some("{") => in_words(&error, message.split(" at line ").next().unwrap_or("")),
                Some("[") => {
                    "this is a list; set dataset.format: json if the file is an array".to_owned()
                }
                _ => "this is not an object".to_owned(),
            };
            malformed(text.column(1, error.column()), what)
        })?;
        each(row)?;
    }
    Ok(None)
}

/// An error of the JSON parser, with what it means in a file of lines.
fn in_words(error: &serde_json::Error, message: &str) -> String {
    let half = "lone leading surrogate in hex escape";
    if message == half || message == "unexpected end of hex escape" {
        return "half of a surrogate pair: an escape such as \\ud83d must be followed by its other half, such as \
                \\ude00"
            .to_owned();
    }
    if error.is_eof() || message == "trailing characters" {
        return format!("{message} (a dataset in JSON lines has one object per line)");
    }
    message.to_owned()
}
