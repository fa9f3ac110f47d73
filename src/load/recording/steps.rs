//! The steps of runs out of a row group.

use super::column::{Column, damaged, plain_text};
use super::schema::Col;
use crate::measure::{Step, StepKind};
use parquet::data_type::{ByteArrayType, DoubleType, Int32Type};
use parquet::errors::Result;
use parquet::file::reader::RowGroupReader;

/// Hands over the steps of every run that has any, with the position of the run in the row group.
pub(super) fn each_steps(
    group: &dyn RowGroupReader,
    each: &mut dyn FnMut(usize, Vec<Step>),
) -> Result<()> {
    let names = Column::<ByteArrayType>::read(group, Col::StepName)?;
    if names.values.is_empty() {
        return Ok(());
    }
    let rows = names.rows(0);
    let kinds = Column::<ByteArrayType>::read(group, Col::StepKind)?.values;
    let mut kinds = kinds.into_iter();
    let mut starts = Column::<DoubleType>::read(group, Col::StepStart)?.values.into_iter();
    let mut ends = Column::<DoubleType>::read(group, Col::StepEnd)?.values.into_iter();
    let mut parents = Column::<Int32Type>::read(group, Col::StepParent)?.of_elements();
    let (mut run, mut steps) = (0, Vec::new());
    for (row, name) in rows.into_iter().zip(names.values) {
        if row != run && !steps.is_empty() {
            each(run, std::mem::take(&mut steps));
        }
        run = row;
        steps.push(Step {
            kind: StepKind::named(&plain_text(&kinds.next().ok_or_else(damaged)?)),
            name: plain_text(&name),
            start: starts.next().ok_or_else(damaged)?,
            end: ends.next().ok_or_else(damaged)?,
            parent: parents.next().flatten().and_then(|parent| u32::try_from(parent).ok()),
        });
    }
    each(run, steps);
    Ok(())
}
