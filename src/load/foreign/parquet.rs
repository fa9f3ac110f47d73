//! Apache Parquet: sizer's own files, and those of others by the names of their columns.

use super::ForeignError;
use super::error::Place;
use super::row::{Entry, Rows};
use crate::dataset::{check_parquet, parquet_row, unread_codec, without_panic};
use crate::load::{from_parquet, is_own_parquet};
use parquet::file::reader::{FileReader, SerializedFileReader};
use std::fs::File;
use std::io::{Read, Seek};

pub(super) fn read(shown: &str, mut file: File, rows: &mut Rows<'_>) -> Result<(), ForeignError> {
    let unreadable = |error| ForeignError::Unreadable { path: shown.to_owned(), error };
    let damaged = || ForeignError::file(shown, "this is no Parquet file, or it is damaged");
    // The crate answers some damaged files with a panic; a hostile file must not end the process.
    let copy = file.try_clone().map_err(unreadable)?;
    let guarded = without_panic(|| {
        let reader = SerializedFileReader::new(copy).map_err(|_| damaged())?;
        if let Some(codec) = unread_codec(reader.metadata()) {
            return Err(ForeignError::file(shown, codec));
        }
        check_parquet(reader.metadata())
            .map_err(|what| ForeignError::file(shown, format!("it is too large: {what}")))?;
        if is_own_parquet(&reader) { Ok(None) } else { foreign(shown, reader, rows).map(Some) }
    });
    if guarded.ok_or_else(damaged)??.is_some() {
        return Ok(());
    }
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).map_err(unreadable)?;
    let recording = without_panic(|| from_parquet(bytes)).ok_or_else(damaged)?;
    let recording = recording.map_err(|_| damaged())?;
    let around = recording.around;
    // Sizer kept the load up itself: a level with think times or a rate is what it says.
    let trusted = around.client.is_some();
    let mut bounds = around.repetitions.iter().scan(0_u64, |end, count| {
        *end += count;
        Some(*end)
    });
    let (mut part, mut until) = (0, bounds.next());
    for (line, run) in (1..).zip(recording.runs) {
        while until.is_some_and(|until| line > until) {
            (part, until) = (part + 1, bounds.next());
        }
        let place = Place { path: shown, line, value: "column", text: false };
        let entry =
            Entry { concurrency: around.concurrency, part, trusted, run, ..Entry::default() };
        rows.take_own(&place, entry)?;
    }
    Ok(())
}

fn foreign(
    shown: &str,
    reader: SerializedFileReader<File>,
    rows: &mut Rows<'_>,
) -> Result<(), ForeignError> {
    let place = |line| Place { path: shown, line, value: "column", text: false };
    let schema = reader.metadata().file_metadata().schema();
    let names: Vec<&str> = schema.get_fields().iter().map(|field| field.name()).collect();
    rows.has_columns(&place(0), |name| names.contains(&name))?;
    for (line, row) in (1..).zip(reader) {
        let row = row.map_err(|_| place(line).wrong("the file is damaged here"))?;
        rows.take(&place(line), &parquet_row(&row))?;
    }
    Ok(())
}
