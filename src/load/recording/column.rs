//! Columns of a row group, and what their cells say.

use super::schema::Col;
use crate::measure::Note;
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::RowGroupReader;
use serde::de::DeserializeOwned;

/// Error of a recording whose columns do not fit together.
pub(super) fn damaged() -> ParquetError {
    ParquetError::General("columns of different lengths".to_owned())
}

/// A column of a row group as it lies in the file.
pub(super) struct Column<T: DataType> {
    pub values: Vec<T::T>,
    pub definitions: Vec<i16>,
    pub repetitions: Vec<i16>,
}

impl<T: DataType> Column<T> {
    pub fn read(group: &dyn RowGroupReader, column: Col) -> Result<Self> {
        let rows = usize::try_from(group.metadata().num_rows()).map_err(|_| damaged())?;
        let (mut values, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
        let Some(position) = column.position(group) else {
            return Ok(Self { values, definitions, repetitions });
        };
        // The crate panics where a column of that name is of another type.
        if group.metadata().column(position).column_type() != T::get_physical_type() {
            return Err(ParquetError::General("a column of another type".to_owned()));
        }
        let mut reader = get_typed_column_reader::<T>(group.get_column_reader(position)?);
        let mut left = rows;
        while left > 0 {
            let (records, ..) = reader.read_records(
                left,
                Some(&mut definitions),
                Some(&mut repetitions),
                &mut values,
            )?;
            if records == 0 {
                break;
            }
            left -= records;
        }
        Ok(Self { values, definitions, repetitions })
    }

    /// A value or nothing for each row.
    pub fn nullable(self) -> impl Iterator<Item = Option<T::T>> {
        let mut values = self.values.into_iter();
        self.definitions.into_iter().map(move |level| if level > 0 { values.next() } else { None })
    }

    /// A value or nothing for each element of the lists, of a column that can be null.
    pub fn of_elements(self) -> impl Iterator<Item = Option<T::T>> {
        let mut values = self.values.into_iter();
        let elements = self.definitions.into_iter().filter(|level| *level > 0);
        elements.map(move |level| if level > 1 { values.next() } else { None })
    }

    /// The row of each element, counted from `first`.
    pub fn rows(&self, first: usize) -> Vec<usize> {
        let mut rows = first;
        let levels = self.definitions.iter().zip(&self.repetitions);
        let rows = levels.filter_map(|(definition, repetition)| {
            rows += usize::from(*repetition == 0);
            (*definition > 0).then_some(rows - 1)
        });
        rows.collect()
    }

    /// Every value with the row that it stands in, counted from `first`; values are there where the
    /// definition is at least `present`.
    pub fn by_row(self, first: usize, present: i16) -> impl Iterator<Item = (usize, T::T)> {
        let mut values = self.values.into_iter();
        let mut rows = first;
        let levels = self.definitions.into_iter().zip(self.repetitions);
        levels.filter_map(move |(definition, repetition)| {
            rows += usize::from(repetition == 0);
            if definition >= present { Some((rows - 1, values.next()?)) } else { None }
        })
    }
}

/// The notes that a cell names; those of later versions are passed over.
pub(super) fn notes_of(names: &ByteArray) -> Vec<Note> {
    let names = plain_text(names);
    let known = names.split(',').filter_map(|name| serde_json::from_value(name.into()).ok());
    known.collect()
}

pub(super) fn plain_text(bytes: &ByteArray) -> String {
    String::from_utf8_lossy(bytes.data()).into_owned()
}

pub(super) fn named<T: DeserializeOwned>(bytes: &ByteArray) -> Option<T> {
    serde_json::from_value(plain_text(bytes).into()).ok()
}
