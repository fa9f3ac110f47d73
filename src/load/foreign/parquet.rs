//! Apache Parquet: sizer's own files, and those of others by the names of their columns.

use super::ForeignError;
use super::error::Place;
use super::row::{Entry, Rows};
use crate::bounded::{Bounds, Exceeded, stream};
use crate::dataset::{
    OF_A_ROW, check_footer, check_parquet, parquet_row, unread_codec, weight_of, without_panic,
};
use crate::load::{from_parquet, is_own_parquet};
use crate::measure::Recording;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{Read, Seek};

/// What a file of sizer's own may take, which is held whole.
const OF_A_FILE: Bounds = Bounds { seconds: 9, mib: 320 };
/// What such a file may be.
const MOST_MIB: u64 = 128;

enum Piece {
    /// The names of the columns, before the first row.
    Names(Vec<String>),
    Row(Map<String, Value>),
    Own(Box<Recording>),
}

/// Takes pieces, each with about how many bytes it is, until it says that it takes no more.
type EachPiece<'a> = dyn FnMut(Result<Piece, ForeignError>, usize) -> bool + 'a;

pub(super) fn read(shown: &str, mut file: File, rows: &mut Rows<'_>) -> Result<(), ForeignError> {
    let unreadable = |error| ForeignError::Unreadable { path: shown.to_owned(), error };
    check_footer(&mut file).map_err(unreadable)?.map_err(|what| too_large(shown, &what))?;
    let is_own = without_panic(|| opened(shown, file.try_clone().map_err(unreadable)?));
    let is_own = is_own.unwrap_or_else(|| Err(damaged(shown)))?;
    let bounds = if is_own { OF_A_FILE } else { OF_A_ROW };
    let name = shown.to_owned();
    let pieces =
        move |each: &mut EachPiece<'_>| {
            // The crate answers some damaged files with a panic; a hostile file must not end the process.
            let read = without_panic(|| {
                if is_own { own(&name, file, each) } else { foreign(&name, file, each) }
            });
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
        Piece::Own(recording) => take_own(shown, *recording, rows),
    };
    let what = |exceeded: Exceeded| {
        Err(too_large(shown, &exceeded.in_words(if is_own { "a level" } else { "a row" })))
    };
    stream(bounds, pieces, take).unwrap_or_else(what)
}

fn place(shown: &str, line: u64) -> Place<'_> {
    Place { path: shown, line, value: "column", text: false }
}

fn damaged(shown: &str) -> ForeignError {
    ForeignError::file(shown, "this is no Parquet file, or it is damaged")
}

fn too_large(shown: &str, what: &str) -> ForeignError {
    ForeignError::file(shown, format!("it is too large: {what}"))
}

/// Whether a file is one of sizer's own; fails where it is none that can be read.
fn opened(shown: &str, file: File) -> Result<bool, ForeignError> {
    let reader = SerializedFileReader::new(file).map_err(|_| damaged(shown))?;
    if let Some(codec) = unread_codec(reader.metadata()) {
        return Err(ForeignError::file(shown, codec));
    }
    check_parquet(reader.metadata()).map_err(|what| too_large(shown, &what))?;
    Ok(is_own_parquet(&reader))
}

fn own(shown: &str, mut file: File, each: &mut EachPiece<'_>) -> Result<(), ForeignError> {
    let unreadable = |error| ForeignError::Unreadable { path: shown.to_owned(), error };
    let mut bytes = Vec::new();
    file.rewind().map_err(unreadable)?;
    file.take((MOST_MIB << 20) + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_MIB << 20 {
        return Err(too_large(shown, &format!("a level of more than {MOST_MIB} MiB")));
    }
    let recording = from_parquet(bytes).map_err(|_| damaged(shown))?;
    each(Ok(Piece::Own(Box::new(recording))), 0);
    Ok(())
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
