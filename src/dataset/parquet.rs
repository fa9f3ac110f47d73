//! Apache Parquet, row group by row group.

use super::quiet::without_panic;
use super::unpacked::check_parquet;
use super::{DatasetError, EachRow, RawRow};
use parquet::basic::Compression;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::Value;
use std::fs::File;

pub(super) fn read(path: &str, file: File, each: &mut EachRow<'_>) -> Result<(), DatasetError> {
    let damaged = |message: &str| DatasetError::Damaged {
        path: path.to_owned(),
        format: "Parquet file",
        message: message.to_owned(),
    };
    let read = || {
        let reader = SerializedFileReader::new(file).map_err(|_| {
            damaged("it does not begin and end as one does; was it written to its end?")
        })?;
        if let Some(codec) = unread_codec(reader.metadata()) {
            return Err(damaged(&codec));
        }
        check_parquet(reader.metadata())
            .map_err(|what| DatasetError::TooLarge { path: path.to_owned(), what })?;
        let columns = reader.metadata().file_metadata().schema().get_fields();
        for (index, column) in columns.iter().enumerate() {
            if columns.iter().take(index).any(|other| other.name() == column.name()) {
                let message =
                    format!("two columns are called `{}`; rename or remove one", column.name());
                return Err(damaged(&message));
            }
        }
        for (number, row) in (1..).zip(reader) {
            let row = row.map_err(|_| damaged(&format!("row {number} cannot be read")))?;
            each(to_row::<RawRow>(&row))?;
        }
        Ok(())
    };
    // The crate answers some damaged files with a panic; a hostile file must not end the process.
    without_panic(read).unwrap_or_else(|| Err(damaged("its content is damaged")))
}

/// Says that a file is packed in a way that is not read here.
pub(crate) fn unread_codec(metadata: &ParquetMetaData) -> Option<String> {
    let groups = metadata.row_groups().iter();
    let mut codecs =
        groups.flat_map(RowGroupMetaData::columns).map(ColumnChunkMetaData::compression);
    let lzo = codecs.any(|codec| codec == Compression::LZO);
    lzo.then(|| "it is packed with LZO, which sizer does not read: write it with zstd".to_owned())
}

/// A row by the names of its columns.
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
