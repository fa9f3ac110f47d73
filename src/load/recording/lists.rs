//! Writing of a column, and of those of what runs have lists of, such as their LLM calls.

use crate::measure::Run;
use parquet::data_type::DataType;
use parquet::errors::{ParquetError, Result};
use parquet::file::writer::SerializedRowGroupWriter;
use std::io::Write;

pub(super) type Group<'a, W> = SerializedRowGroupWriter<'a, W>;

/// Writes the next column of a group.
pub(super) fn write<T: DataType, W: Write + Send>(
    group: &mut Group<'_, W>,
    values: &[T::T],
    definitions: Option<&[i16]>,
    repetitions: Option<&[i16]>,
) -> Result<()> {
    let missing = || ParquetError::General("the schema has fewer columns".to_owned());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<T>().write_batch(values, definitions, repetitions)?;
    column.close()
}

/// The elements of the lists of all runs, and where each list begins: the same for all of their columns.
pub(super) struct Lists<'a, E> {
    elements: Vec<&'a E>,
    /// 1 for each element, 0 for a run without any.
    definitions: Vec<i16>,
    /// 0 where a list begins, 1 within it.
    repetitions: Vec<i16>,
}

impl<'a, E> Lists<'a, E> {
    pub fn of(runs: &'a [Run], list: impl Fn(&'a Run) -> &'a [E]) -> Self {
        let (mut elements, mut definitions, mut repetitions) = (
            Vec::with_capacity(runs.len()),
            Vec::with_capacity(runs.len()),
            Vec::with_capacity(runs.len()),
        );
        for run in runs {
            let list = list(run);
            elements.extend(list);
            definitions.extend(std::iter::repeat_n(1, list.len()));
            repetitions.extend((0..list.len()).map(|at| i16::from(at > 0)));
            if list.is_empty() {
                definitions.push(0);
                repetitions.push(0);
            }
        }
        Self { elements, definitions, repetitions }
    }

    /// Iterates over all elements.
    pub fn elements(&self) -> impl Iterator<Item = &'a E> {
        self.elements.iter().copied()
    }

    /// Writes a column that every element has a value for.
    pub fn required<T: DataType, W: Write + Send>(
        &self,
        group: &mut Group<'_, W>,
        get: impl Fn(&E) -> T::T,
    ) -> Result<()> {
        let values: Vec<T::T> = self.elements().map(get).collect();
        write::<T, W>(group, &values, Some(&self.definitions), Some(&self.repetitions))
    }

    /// Writes a column that not every element has a value for, or none if none is `known`.
    pub fn optional<T: DataType, W: Write + Send>(
        &self,
        group: &mut Group<'_, W>,
        known: bool,
        get: impl Fn(&E) -> Option<T::T>,
    ) -> Result<()> {
        if !known {
            return write::<T, W>(group, &[], Some(&self.definitions), Some(&self.repetitions));
        }
        let mut definitions = self.definitions.clone();
        let mut values = Vec::with_capacity(self.elements.len());
        let present = definitions.iter_mut().filter(|definition| **definition > 0);
        for (definition, element) in present.zip(self.elements()) {
            let value = get(element);
            *definition += i16::from(value.is_some());
            values.extend(value);
        }
        write::<T, W>(group, &values, Some(&definitions), Some(&self.repetitions))
    }
}
