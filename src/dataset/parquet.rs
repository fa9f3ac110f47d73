//! Apache Parquet, read one row group at a time.

use super::footer::check_footer;
use super::format::{Format, ReadOptions};
use super::quiet::without_panic;
use super::unpacked::check_parquet;
use super::weight::weight_of;
use super::{DatasetError, EachRow, RawRow};
use crate::bounded::{Bounds, stream};
use parquet::basic::Compression;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::Value;
use std::collections::HashSet;
use std::fs::File;

/// Bounds of a row: values that refer to each other take no space in the file, but do in memory.
pub(crate) const OF_A_ROW: Bounds = Bounds { seconds: 8, mib: 192 };

pub(super) const FORMAT: Format = Format {
    name: "parquet",
    description: "Apache Parquet.",
    extensions: &["parquet", "pq"],
    is_text: false,
    recognised: Some((b"PAR1", "is a Parquet file; set dataset.format: parquet or rename it")),
    read,
};

fn read(
    path: &str,
    file: File,
    _: &ReadOptions<'_>,
    each: &mut EachRow<'_>,
) -> Result<Option<String>, DatasetError> {
    let name = path.to_owned();
    let rows = move |each: &mut dyn FnMut(Result<RawRow, DatasetError>, usize) -> bool| {
        let mut hand_over = |row: RawRow| {
            let weight = row.values().map(weight_of).sum();
            each(Ok(row), weight)
        };
        // The crate answers some damaged files with a panic; a hostile file must not end the process.
        let read = without_panic(|| read_rows(&name, file, &mut hand_over));
        if let Err(error) = read.unwrap_or_else(|| Err(damaged(&name, "its content is damaged"))) {
            each(Err(error), 0);
        }
    };
    let read = stream(OF_A_ROW, rows, |row| each(row?)).unwrap_or_else(|exceeded| {
        let what = exceeded.in_words("a row");
        Err(DatasetError::TooLarge { path: path.to_owned(), what })
    });
    read.map(|()| None)
}

fn damaged(path: &str, message: &str) -> DatasetError {
    let (path, message) = (path.to_owned(), message.to_owned());
    DatasetError::Damaged { path, format: "Parquet file", message }
}

/// Passes rows on until no more are taken.
fn read_rows(
    path: &str,
    mut file: File,
    each: &mut dyn FnMut(RawRow) -> bool,
) -> Result<(), DatasetError> {
    let too_large = |what| DatasetError::TooLarge { path: path.to_owned(), what };
    check_footer(&mut file)
        .map_err(|error| DatasetError::Unreadable { path: path.to_owned(), error })?
        .map_err(too_large)?;
    let reader = SerializedFileReader::new(file).map_err(|_| {
        damaged(path, "it does not begin and end as such a file does; was it written completely?")
    })?;
    if let Some(codec) = unread_codec(reader.metadata()) {
        return Err(damaged(path, &codec));
    }
    check_parquet(reader.metadata()).map_err(too_large)?;
    if let Some(name) = double_column(reader.metadata()) {
        let message = format!("two columns are called `{name}`; rename or remove one");
        return Err(damaged(path, &message));
    }
    for (number, row) in (1..).zip(reader) {
        let row = row.map_err(|_| damaged(path, &format!("row {number} cannot be read")))?;
        if !each(to_row::<RawRow>(&row)) {
            break;
        }
    }
    Ok(())
}

/// Returns a name that two columns have.
fn double_column(metadata: &ParquetMetaData) -> Option<&str> {
    let mut names = HashSet::new();
    let columns = metadata.file_metadata().schema().get_fields().iter();
    columns.map(|column| column.name()).find(|name| !names.insert(*name))
}

/// Describes a compression codec that cannot be read, if the file uses one.
pub(crate) fn unread_codec(metadata: &ParquetMetaData) -> Option<String> {
    let groups = metadata.row_groups().iter();
    let mut codecs =
        groups.flat_map(RowGroupMetaData::columns).map(ColumnChunkMetaData::compression);
    let lzo = codecs.any(|codec| codec == Compression::LZO);
    lzo.then(|| "it is packed with LZO, which sizer does not read: write it with zstd".to_owned())
}

/// Converts a row to a map by column name.
pub(crate) fn to_row<T: FromIterator<(String, Value)>>(row: &Row) -> T {
    row.get_column_iter().map(|(name, field)| (name.clone(), to_value(field))).collect()
}

fn to_value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(value) => Value::from(*value),
        Field::Byte(value) => Value::from(*value),
        Field::Short(value) => Value::from(*value),
        Field::Int(value) => Value::from(*value),
        Field::Long(value) => Value::from(*value),
        Field::UByte(value) => Value::from(*value),
        Field::UShort(value) => Value::from(*value),
        Field::UInt(value) => Value::from(*value),
        Field::ULong(value) => Value::from(*value),
        // As it is written in 32 bits: 0.1 and not 0.10000000149011612.
        Field::Float(value) => Value::from(value.to_string().parse::<f64>().unwrap_or_default()),
        Field::Double(value) => Value::from(*value),
        Field::Str(text) => Value::from(text.as_str()),
        Field::Bytes(bytes) => Value::from(String::from_utf8_lossy(bytes.data()).into_owned()),
        Field::Group(row) => row.get_column_iter().map(|(k, v)| (k.clone(), to_value(v))).collect(),
        Field::ListInternal(list) => list.elements().iter().map(to_value).collect(),
        Field::MapInternal(map) => {
            map.entries().iter().map(|(key, value)| (key_text(key), to_value(value))).collect()
        }
        // Dates, decimals and the like, as the crate writes them.
        other => Value::from(other.to_string()),
    }
}

fn key_text(key: &Field) -> String {
    match to_value(key) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
