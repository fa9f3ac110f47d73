//! Apache Parquet: sizer's own files, and those of others by the names of their columns.

use super::ForeignError;
use super::error::Place;
use super::own::{damaged, is_own, read_whole, too_large};
use super::row::{Entry, Rows};
use crate::bounded::{LimitExceeded, stream};
use crate::dataset::{OF_A_ROW, parquet_row, weight_of, without_panic};
use crate::measure::Recording;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::{Map, Value};
use std::fs::File;
use std::io::Seek;

enum Piece {
    /// The names of the columns, before the first row.
    Names(Vec<String>),
    Row(Map<String, Value>),
}

/// Takes pieces, each with about how many bytes it is, until it says that it takes no more.
type EachPiece<'a> = dyn FnMut(Result<Piece, ForeignError>, usize) -> bool + 'a;

pub(super) fn read(shown: &str, mut file: File, rows: &mut Rows<'_>) -> Result<(), ForeignError> {
    if is_own(shown, &mut file)? {
        return take_own(shown, read_whole(shown, file)?, rows);
    }
    let name = shown.to_owned();
    let pieces = move |each: &mut EachPiece<'_>| {
        // The crate answers some damaged files with a panic; a hostile file must not end the process.
        let read = without_panic(|| foreign(&name, file, each));
        if let Err(error) = read.unwrap_or_else(|| Err(damaged(&name))) {
            each(Err(error), 0);
        }
    };
    let mut line = 0;
    let take = |piece: Result<Piece, ForeignError>| match piece? {
        Piece::Names(names) => {
            rows.has_columns(&place(shown, 0), |name| names.iter().any(|it| it == name))
        }
        Piece::Row(row) => {
            line += 1;
            rows.take(&place(shown, line), &row)
        }
    };
    let what = |exceeded: LimitExceeded| Err(too_large(shown, &exceeded.in_words("a row")));
    stream(OF_A_ROW, pieces, take).unwrap_or_else(what)
}

fn place(shown: &str, line: u64) -> Place<'_> {
    Place { path: shown, line, value: "column", text: false }
}

fn take_own(shown: &str, recording: Recording, rows: &mut Rows<'_>) -> Result<(), ForeignError> {
    let around = recording.around;
    // Sizer kept the load up itself: a level with think times or a rate is what it says.
    let trusted = around.client.is_some();
    let mut bounds = around.repetitions.iter().scan(0_u64, |end, count| {
        *end = end.saturating_add(*count);
        Some(*end)
    });
    let (mut part, mut until) = (0, bounds.next());
    for (line, run) in (1..).zip(recording.runs) {
        while until.is_some_and(|until| line > until) {
            (part, until) = (part + 1, bounds.next());
        }
        let entry =
            Entry { concurrency: around.concurrency, part, trusted, run, ..Entry::default() };
        rows.take_own(&place(shown, line), entry)?;
    }
    Ok(())
}

fn foreign(shown: &str, mut file: File, each: &mut EachPiece<'_>) -> Result<(), ForeignError> {
    file.rewind().map_err(|error| ForeignError::Unreadable { path: shown.to_owned(), error })?;
    let reader = SerializedFileReader::new(file).map_err(|_| damaged(shown))?;
    let schema = reader.metadata().file_metadata().schema();
    let names = schema.get_fields().iter().map(|field| field.name().to_owned()).collect();
    if !each(Ok(Piece::Names(names)), 0) {
        return Ok(());
    }
    for (line, row) in (1..).zip(reader) {
        let row = row.map_err(|_| place(shown, line).wrong("the file is damaged here"))?;
        let row: Map<String, Value> = parquet_row(&row);
        let weight = row.values().map(weight_of).sum();
        if !each(Ok(Piece::Row(row)), weight) {
            break;
        }
    }
    Ok(())
}
