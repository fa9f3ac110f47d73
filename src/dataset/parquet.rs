//! Apache Parquet, row group by row group.

use super::unpacked::check_parquet;
use super::{DatasetError, EachRow, RawRow};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::Value;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub(super) fn read(path: &str, file: File, each: &mut EachRow<'_>) -> Result<(), DatasetError> {
    let damaged = |message: String| DatasetError::Damaged {
        path: path.to_owned(),
        format: "Parquet file",
        message,
    };
    // The crate answers some damaged files with a panic; a hostile file must not end the process.
    let guarded = catch_unwind(AssertUnwindSafe(|| {
        let reader = SerializedFileReader::new(file).map_err(|error| damaged(error.to_string()))?;
        check_parquet(reader.metadata())
            .map_err(|what| DatasetError::TooLarge { path: path.to_owned(), what })?;
        for row in reader {
            each(to_row::<RawRow>(&row.map_err(|error| damaged(error.to_string()))?))?;
        }
        Ok(())
    }));
    guarded.unwrap_or_else(|_| Err(damaged("its content is damaged".to_owned())))
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
        Field::Float(value) => Value::from(*value),
        Field::Double(value) => Value::from(*value),
        Field::Str(text) => Value::from(text.as_str()),
        Field::Bytes(bytes) => Value::from(String::from_utf8_lossy(bytes.data()).into_owned()),
        Field::Group(row) => row.get_column_iter().map(|(k, v)| (k.clone(), to_value(v))).collect(),
        Field::ListInternal(list) => list.elements().iter().map(to_value).collect(),
        // Dates, decimals and the like, as the crate writes them.
        other => Value::from(other.to_string()),
    }
}
