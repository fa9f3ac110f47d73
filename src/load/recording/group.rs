//! Runs as a row group: column by column, in the order of the schema.

use super::lists::{Group, Lists, write};
use super::schema::Col;
use crate::measure::{LlmCall, Outcome, Phase, Run};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type,
};
use parquet::errors::Result;
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
    let [warm_up, measured, cool_down] =
        [Phase::WarmUp, Phase::Measured, Phase::CoolDown].map(|phase| text(&name(phase)));
    plain::<ByteArrayType, _>(group, runs, |run| match run.phase {
        Phase::WarmUp => warm_up.clone(),
        Phase::Measured => measured.clone(),
        Phase::CoolDown => cool_down.clone(),
    })?;
    plain::<DoubleType, _>(group, runs, |run| run.start)?;
    plain::<DoubleType, _>(group, runs, |run| run.end)?;
    optional::<ByteArrayType, _>(group, runs, |run| Some(text(&name(failure(run)?.kind))))?;
    optional::<ByteArrayType, _>(group, runs, |run| Some(text(&failure(run)?.message)))?;
    optional::<Int32Type, _>(group, runs, |run| run.http_status.map(i32::from))?;
    optional::<DoubleType, _>(group, runs, |run| run.server_runtime)?;
    plain::<BoolType, _>(group, runs, |run| run.reconnected)?;
    plain::<Int32Type, _>(group, runs, |run| i32::try_from(run.retries).unwrap_or(i32::MAX))?;
    let calls = Lists::of(runs, |run| &run.llm_calls);
    let known = Known::of(&calls);
    // Token counts beyond i64 do not exist.
    let count = |tokens: Option<u64>| tokens.and_then(|tokens| i64::try_from(tokens).ok());
    calls.required::<DoubleType, _>(group, |call| call.start)?;
    calls.required::<DoubleType, _>(group, |call| call.end)?;
    calls.optional::<DoubleType, _>(group, known.ttft, |call| call.ttft)?;
    calls.optional::<Int64Type, _>(group, known.prompt_tokens, |call| count(call.prompt_tokens))?;
    calls.optional::<Int64Type, _>(group, known.completion_tokens, |call| {
        count(call.completion_tokens)
    })?;
    calls.optional::<DoubleType, _>(group, known.itl, |call| Some(call.itl?.mean))?;
    calls.optional::<DoubleType, _>(group, known.itl, |call| call.itl?.p95)?;
    calls.optional::<DoubleType, _>(group, known.itl, |call| call.itl?.max)?;
    calls.optional::<ByteArrayType, _>(group, known.finish_reason, |call| {
        call.finish_reason.as_deref().map(text)
    })?;
    calls
        .optional::<ByteArrayType, _>(group, known.model, |call| call.model.as_deref().map(text))?;
    calls.optional::<ByteArrayType, _>(group, known.upstream, |call| {
        call.upstream.as_deref().map(text)
    })?;
    calls.optional::<Int32Type, _>(group, known.http_status, |call| {
        call.http_status.map(i32::from)
    })?;
    let has = |column: Col| !left_out.contains(&column);
    if has(Col::AnswerTtft) {
        calls.optional::<DoubleType, _>(group, true, |call| call.answer_ttft)?;
    }
    if has(Col::Chunks) {
        calls.optional::<Int64Type, _>(group, true, |call| count(call.chunks))?;
    }
    if has(Col::ChunkGapMean) {
        calls.optional::<DoubleType, _>(group, true, |call| Some(call.chunk_gaps?.mean))?;
        calls.optional::<DoubleType, _>(group, true, |call| call.chunk_gaps?.p95)?;
        calls.optional::<DoubleType, _>(group, true, |call| call.chunk_gaps?.max)?;
    }
    if has(Col::CachedTokens) {
        calls.optional::<Int64Type, _>(group, true, |call| count(call.cached_tokens))?;
    }
    if has(Col::SharedPrefix) {
        calls.optional::<DoubleType, _>(group, true, |call| call.shared_prefix)?;
    }
    optional::<Int32Type, _>(group, runs, |run| i32::try_from(run.failed_calls).ok())?;
    if has(Col::Notes) {
        let names = |run: &Run| run.notes.iter().map(name).collect::<Vec<_>>().join(",");
        let names = |run: &Run| (!run.notes.is_empty()).then(|| text(&names(run)));
        optional::<ByteArrayType, _>(group, runs, names)?;
    }
    if has(Col::StepName) {
        let steps = Lists::of(runs, |run| &run.steps);
        steps.required::<ByteArrayType, _>(group, |step| text(step.kind.name()))?;
        steps.required::<ByteArrayType, _>(group, |step| text(&step.name))?;
        steps.required::<DoubleType, _>(group, |step| step.start)?;
        steps.required::<DoubleType, _>(group, |step| step.end)?;
        steps.optional::<Int32Type, _>(group, true, |step| i32::try_from(step.parent?).ok())?;
    }
    Ok(())
}

/// The columns of calls that hold anything; most of the others are empty for a whole level.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
struct Known {
    ttft: bool,
    prompt_tokens: bool,
    completion_tokens: bool,
    itl: bool,
    finish_reason: bool,
    model: bool,
    upstream: bool,
    http_status: bool,
}

impl Known {
    fn of(calls: &Lists<'_, LlmCall>) -> Self {
        let mut known = Self::default();
        for call in calls.elements() {
            known.ttft |= call.ttft.is_some();
            known.prompt_tokens |= call.prompt_tokens.is_some();
            known.completion_tokens |= call.completion_tokens.is_some();
            known.itl |= call.itl.is_some();
            known.finish_reason |= call.finish_reason.is_some();
            known.model |= call.model.is_some();
            known.upstream |= call.upstream.is_some();
            known.http_status |= call.http_status.is_some();
        }
        known
    }
}

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
    let (mut values, mut definitions) = (Vec::new(), Vec::with_capacity(runs.len()));
    for run in runs {
        let value = get(run);
        definitions.push(i16::from(value.is_some()));
        values.extend(value);
    }
    write::<T, W>(group, &values, Some(&definitions), None)
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
