//! Runs as a row group: column by column, in the order of the schema.

use super::schema::Col;
use crate::measure::{LlmCall, Outcome, Run, Step};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::writer::SerializedRowGroupWriter;
use serde::Serialize;
use std::io::Write;

/// Writes runs as a row group.
pub(super) fn write_group<W: Write + Send>(
    group: &mut Group<'_, W>,
    runs: &[Run],
    left_out: &[Col],
) -> Result<()> {
    let failure = |run: &Run| match &run.outcome {
        Outcome::Ok => None,
        Outcome::Failed(failure) => Some(failure.clone()),
    };
    plain::<ByteArrayType, _>(group, runs, |run| text(&run.id))?;
    plain::<ByteArrayType, _>(group, runs, |run| text(&name(run.phase)))?;
    plain::<DoubleType, _>(group, runs, |run| run.start)?;
    plain::<DoubleType, _>(group, runs, |run| run.end)?;
    optional::<ByteArrayType, _>(group, runs, |run| Some(text(&name(failure(run)?.kind))))?;
    optional::<ByteArrayType, _>(group, runs, |run| Some(text(&failure(run)?.message)))?;
    optional::<Int32Type, _>(group, runs, |run| run.http_status.map(i32::from))?;
    optional::<DoubleType, _>(group, runs, |run| run.server_runtime)?;
    plain::<BoolType, _>(group, runs, |run| run.reconnected)?;
    plain::<Int32Type, _>(group, runs, |run| i32::try_from(run.retries).unwrap_or(i32::MAX))?;
    // Token counts beyond i64 do not exist.
    let count = |tokens: Option<u64>| tokens.and_then(|tokens| i64::try_from(tokens).ok());
    of_calls::<DoubleType, _>(group, runs, true, |call| Some(call.start))?;
    of_calls::<DoubleType, _>(group, runs, true, |call| Some(call.end))?;
    of_calls::<DoubleType, _>(group, runs, false, |call| call.ttft)?;
    of_calls::<Int64Type, _>(group, runs, false, |call| count(call.prompt_tokens))?;
    of_calls::<Int64Type, _>(group, runs, false, |call| count(call.completion_tokens))?;
    of_calls::<DoubleType, _>(group, runs, false, |call| Some(call.itl?.mean))?;
    of_calls::<DoubleType, _>(group, runs, false, |call| call.itl?.p95)?;
    of_calls::<DoubleType, _>(group, runs, false, |call| call.itl?.max)?;
    of_calls::<ByteArrayType, _>(group, runs, false, |call| {
        call.finish_reason.as_deref().map(text)
    })?;
    of_calls::<ByteArrayType, _>(group, runs, false, |call| call.model.as_deref().map(text))?;
    of_calls::<ByteArrayType, _>(group, runs, false, |call| call.upstream.as_deref().map(text))?;
    of_calls::<Int32Type, _>(group, runs, false, |call| call.http_status.map(i32::from))?;
    let has = |column: Col| !left_out.contains(&column);
    if has(Col::AnswerTtft) {
        of_calls::<DoubleType, _>(group, runs, false, |call| call.answer_ttft)?;
    }
    if has(Col::Chunks) {
        of_calls::<Int64Type, _>(group, runs, false, |call| count(call.chunks))?;
    }
    if has(Col::ChunkGapMean) {
        of_calls::<DoubleType, _>(group, runs, false, |call| Some(call.chunk_gaps?.mean))?;
        of_calls::<DoubleType, _>(group, runs, false, |call| call.chunk_gaps?.p95)?;
        of_calls::<DoubleType, _>(group, runs, false, |call| call.chunk_gaps?.max)?;
    }
    if has(Col::CachedTokens) {
        of_calls::<Int64Type, _>(group, runs, false, |call| count(call.cached_tokens))?;
    }
    if has(Col::SharedPrefix) {
        of_calls::<DoubleType, _>(group, runs, false, |call| call.shared_prefix)?;
    }
    optional::<Int32Type, _>(group, runs, |run| i32::try_from(run.failed_calls).ok())?;
    if has(Col::Notes) {
        let names = |run: &Run| run.notes.iter().map(name).collect::<Vec<_>>().join(",");
        let names = |run: &Run| (!run.notes.is_empty()).then(|| text(&names(run)));
        optional::<ByteArrayType, _>(group, runs, names)?;
    }
    if has(Col::StepName) {
        of_steps::<ByteArrayType, _>(group, runs, true, |step| Some(text(step.kind.name())))?;
        of_steps::<ByteArrayType, _>(group, runs, true, |step| Some(text(&step.name)))?;
        of_steps::<DoubleType, _>(group, runs, true, |step| Some(step.start))?;
        of_steps::<DoubleType, _>(group, runs, true, |step| Some(step.end))?;
        of_steps::<Int32Type, _>(group, runs, false, |step| i32::try_from(step.parent?).ok())?;
    }
    Ok(())
}

type Group<'a, W> = SerializedRowGroupWriter<'a, W>;

/// A column with a value in every row.
fn plain<T: DataType, W: Write + Send>(
    group: &mut Group<'_, W>,
    runs: &[Run],
    get: impl Fn(&Run) -> T::T,
) -> Result<()> {
    write::<T, W>(group, &runs.iter().map(get).collect::<Vec<_>>(), None, None)
}

/// A column that can be null.
fn optional<T: DataType, W: Write + Send>(
    group: &mut Group<'_, W>,
    runs: &[Run],
    get: impl Fn(&Run) -> Option<T::T>,
) -> Result<()> {
    let values: Vec<Option<T::T>> = runs.iter().map(get).collect();
    let definitions: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<T::T> = values.into_iter().flatten().collect();
    write::<T, W>(group, &values, Some(&definitions), None)
}

/// A column of the list of calls: none in a row without calls.
fn of_calls<T: DataType, W: Write + Send>(
    group: &mut Group<'_, W>,
    runs: &[Run],
    required: bool,
    get: impl Fn(&LlmCall) -> Option<T::T>,
) -> Result<()> {
    of_list::<T, W, _>(group, runs, required, |run| &run.llm_calls, get)
}

/// A column of the list of steps: none in a row without steps.
fn of_steps<T: DataType, W: Write + Send>(
    group: &mut Group<'_, W>,
    runs: &[Run],
    required: bool,
    get: impl Fn(&Step) -> Option<T::T>,
) -> Result<()> {
    of_list::<T, W, _>(group, runs, required, |run| &run.steps, get)
}

fn of_list<T: DataType, W: Write + Send, E>(
    group: &mut Group<'_, W>,
    runs: &[Run],
    required: bool,
    list: impl Fn(&Run) -> &[E],
    get: impl Fn(&E) -> Option<T::T>,
) -> Result<()> {
    let (mut values, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
    for run in runs {
        let elements = list(run);
        if elements.is_empty() {
            definitions.push(0);
            repetitions.push(0);
        }
        for (index, element) in elements.iter().enumerate() {
            let value = get(element);
            definitions.push(1 + i16::from(!required && value.is_some()));
            repetitions.push(i16::from(index > 0));
            values.extend(value);
        }
    }
    write::<T, W>(group, &values, Some(&definitions), Some(&repetitions))
}

fn write<T: DataType, W: Write + Send>(
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

fn text(text: &str) -> ByteArray {
    ByteArray::from(text)
}

/// The name of a variant, as everywhere else.
#[expect(clippy::expect_used, reason = "a variant without fields is its name")]
fn name(variant: impl Serialize) -> String {
    let value = serde_json::to_value(variant).expect("a name");
    value.as_str().expect("a name").to_owned()
}
