//! Recordings as Apache Parquet, which pandas, `DuckDB` and Polars read. One row per run;
//! the schema is part of the documentation.

mod columns;
mod pieces;
mod read;

pub use columns::RecordedRuns;
pub(super) use pieces::Pieces;
pub use read::{from_parquet, is_own_parquet};

use crate::measure::{LlmCall, Outcome, Recording, Run};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::writer::SerializedRowGroupWriter;
use serde::Serialize;
use std::io::Write;

/// Times are seconds since the level began. `phase` is `warm_up`, `measured` or `cool_down`;
/// `failure_kind` is null where the run succeeded. Columns that are often empty are there only
/// where they say something of a run.
pub const RUNS_SCHEMA: &str = "message runs {
  required binary id (UTF8);
  required binary phase (UTF8);
  required double start;
  required double end;
  optional binary failure_kind (UTF8);
  optional binary failure_message (UTF8);
  optional int32 http_status;
  optional double server_runtime;
  required boolean reconnected;
  required int32 retries;
  required group llm_calls (LIST) {
    repeated group list {
      required group element {
        required double start;
        required double end;
        optional double ttft;
        optional int64 prompt_tokens;
        optional int64 completion_tokens;
        optional double itl_mean;
        optional double itl_p95;
        optional double itl_max;
        optional binary finish_reason (UTF8);
        optional binary model (UTF8);
        optional binary upstream (UTF8);
        optional int32 http_status;
        optional double answer_ttft;
        optional int64 chunks;
        optional double chunk_gap_mean;
        optional double chunk_gap_p95;
        optional double chunk_gap_max;
      }
    }
  }
  optional int32 failed_calls;
  optional binary notes (UTF8);
}";

/// Columns that few recordings need.
const OFTEN_EMPTY: [Col; 6] = [
    Col::AnswerTtft,
    Col::Chunks,
    Col::ChunkGapMean,
    Col::ChunkGapP95,
    Col::ChunkGapMax,
    Col::Notes,
];

/// The columns that a file can have, in the order of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
enum Col {
    Id,
    Phase,
    Start,
    End,
    FailureKind,
    FailureMessage,
    HttpStatus,
    ServerRuntime,
    Reconnected,
    Retries,
    CallStart,
    CallEnd,
    Ttft,
    PromptTokens,
    CompletionTokens,
    ItlMean,
    ItlP95,
    ItlMax,
    FinishReason,
    Model,
    Upstream,
    CallStatus,
    AnswerTtft,
    Chunks,
    ChunkGapMean,
    ChunkGapP95,
    ChunkGapMax,
    FailedCalls,
    Notes,
}

/// Where the file's own metadata says what was noted besides the runs.
const AROUND: &str = "sizer.around";
/// A row group is held whole by writer and reader.
const ROWS_PER_GROUP: usize = 250_000;

/// Writes a recording.
pub fn to_parquet(recording: &Recording) -> Result<Vec<u8>> {
    let mut pieces = Pieces::with_columns(Vec::new(), left_out(recording))?;
    for runs in recording.runs.chunks(ROWS_PER_GROUP) {
        pieces.write(runs)?;
    }
    pieces.end(&recording.around)
}

/// The columns that no run has anything for.
fn left_out(recording: &Recording) -> Vec<Col> {
    let mut left = OFTEN_EMPTY.to_vec();
    if recording.runs.iter().any(|run| !run.notes.is_empty()) {
        left.retain(|column| *column != Col::Notes);
    }
    for call in recording.runs.iter().flat_map(|run| &run.llm_calls) {
        left.retain(|column| match column {
            Col::AnswerTtft => call.answer_ttft.is_none(),
            Col::Chunks => call.chunks.is_none(),
            Col::Notes => true,
            _ => call.chunk_gaps.is_none(),
        });
    }
    left
}

fn schema_without(columns: &[Col]) -> String {
    let names: Vec<String> = columns.iter().filter_map(|column| column.name()).collect();
    let named =
        |line: &str| line.split_whitespace().nth(2).map(|it| it.trim_end_matches(';').to_owned());
    let stays = |line: &&str| named(line).is_none_or(|name| !names.contains(&name));
    RUNS_SCHEMA.lines().filter(stays).collect::<Vec<_>>().join("\n")
}

fn write_group<W: Write + Send>(
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
    optional::<Int32Type, _>(group, runs, |run| i32::try_from(run.failed_calls).ok())?;
    if has(Col::Notes) {
        let names = |run: &Run| run.notes.iter().map(name).collect::<Vec<_>>().join(",");
        let names = |run: &Run| (!run.notes.is_empty()).then(|| text(&names(run)));
        optional::<ByteArrayType, _>(group, runs, names)?;
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
    let (mut values, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
    for run in runs {
        if run.llm_calls.is_empty() {
            definitions.push(0);
            repetitions.push(0);
        }
        for (index, call) in run.llm_calls.iter().enumerate() {
            let value = get(call);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{
        Around, Asked, Before, ClientHealth, Failure, FailureKind, Gaps, LevelMetrics, Note, Phase,
    };
    use std::fs::File;
    use std::io::{Seek, SeekFrom};

    fn recording() -> Recording {
        let call = |start: f64| LlmCall {
            start,
            end: start + 0.1,
            ttft: Some(0.01),
            prompt_tokens: Some(7),
            completion_tokens: None,
            itl: Some(Gaps { mean: 0.001, p95: Some(0.002), max: Some(0.1 + 0.2) }),
            finish_reason: Some("stop".into()),
            model: Some("m".into()),
            upstream: Some("llm".into()),
            http_status: Some(200),
            answer_ttft: Some(0.02),
            chunks: Some(3),
            chunk_gaps: Some(Gaps { mean: 0.005, p95: None, max: Some(0.25) }),
        };
        let run = |id: &str, llm_calls: Vec<LlmCall>| Run {
            id: id.into(),
            start: 0.1 + 0.2,
            end: 3.0,
            outcome: Outcome::Ok,
            llm_calls,
            server_runtime: Some(1.0 / 3.0),
            phase: Phase::Measured,
            http_status: Some(200),
            reconnected: true,
            retries: 2,
            failed_calls: 4,
            notes: vec![Note::HeldOpen, Note::MaxCompletionTokens],
        };
        let bare = LlmCall { end: 1.0, ..LlmCall::default() };
        let failure = Failure::new(FailureKind::RateLimited, "é \"quoted\"");
        Recording {
            runs: vec![
                run("none", Vec::new()),
                run("three", vec![call(0.0), bare.clone(), call(2.0)]),
                Run {
                    outcome: Outcome::Failed(failure),
                    server_runtime: None,
                    phase: Phase::CoolDown,
                    http_status: Some(429),
                    notes: Vec::new(),
                    reconnected: false,
                    ..run("failed", Vec::new())
                },
                Run { phase: Phase::WarmUp, http_status: None, ..run("one", vec![bare]) },
            ],
            around: Around {
                concurrency: Some(3),
                client: Some(ClientHealth { cpu_share: 0.25, lag_p95: 1e-4, lag_max: 2e-3 }),
                scraped: [("running".to_owned(), vec![(0.5, 3.0), (1.5, 5.0)])].into(),
                scrape_error: Some("once it was not there".to_owned()),
                burst: Some(false),
                repetitions: vec![1, 2],
                asked: Some(Asked { targets: "p95".into(), ..Asked::default() }),
                before: Some(Before { runs: 7, mean: 1.5, p95: 2.0, sd: 0.1 }),
                server_gone: Some("connection failed: refused".into()),
                replaced: vec!["ab12".into()],
            },
        }
    }

    #[test]
    fn another_file_is_no_recording() {
        // Its column `id` holds numbers.
        let other = include_bytes!("../../../tests/data/datasets/brotli.parquet");
        assert!(from_parquet(other.to_vec()).is_err());
    }

    #[test]
    fn a_recording_comes_back_as_it_was() {
        let recording = recording();
        let bytes = to_parquet(&recording).unwrap();
        assert_eq!(bytes, to_parquet(&recording).unwrap(), "equal content, equal bytes");
        assert_eq!(from_parquet(bytes).unwrap(), recording);
        let mut plain = recording.clone();
        for call in plain.runs.iter_mut().flat_map(|run| &mut run.llm_calls) {
            (call.answer_ttft, call.chunk_gaps, call.chunks) = (None, None, None);
        }
        let written = to_parquet(&plain).unwrap();
        assert!(
            !written.windows(10).any(|bytes| bytes == b"chunk_gap_"),
            "a column without a value"
        );
        assert_eq!(from_parquet(written).unwrap(), plain);
        let empty = Recording::default();
        assert_eq!(from_parquet(to_parquet(&empty).unwrap()).unwrap(), empty);
    }

    fn file(recording: &Recording) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&to_parquet(recording).unwrap()).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        file
    }

    #[test]
    fn columns_give_the_same_metrics_as_the_runs() {
        let call = |start: f64, tokens: u64| LlmCall {
            start,
            end: start + 0.1 * tokens as f64,
            ttft: (tokens > 2).then_some(0.01 * tokens as f64),
            prompt_tokens: Some(tokens + 7),
            completion_tokens: (tokens != 3).then_some(tokens),
            itl: (tokens > 4).then_some(Gaps {
                mean: 0.1,
                p95: Some(0.2),
                max: Some(0.3 * tokens as f64),
            }),
            answer_ttft: (tokens > 3).then_some(0.02 * tokens as f64),
            chunks: tokens.is_multiple_of(3).then_some(2),
            chunk_gaps: (tokens > 4).then_some(Gaps { mean: 0.3, p95: None, max: Some(0.4) }),
            finish_reason: tokens.is_multiple_of(2).then(|| "stop".to_owned()),
            model: (tokens > 3).then(|| "m".to_owned()),
            ..LlmCall::default()
        };
        let mut runs = Vec::new();
        for index in 0..40_u64 {
            let start = index as f64 * 0.3;
            let failed =
                Outcome::Failed(Failure::new(FailureKind::Timeout, format!("run {index}")));
            runs.push(Run {
                id: index.to_string(),
                start,
                end: start + 1.0 + (index % 7) as f64,
                outcome: if index % 9 == 4 { failed } else { Outcome::Ok },
                llm_calls: (0..index % 4).map(|nth| call(start, index % 5 + nth)).collect(),
                server_runtime: (index % 3 == 0).then_some(0.5),
                phase: match index {
                    0..5 => Phase::WarmUp,
                    5..33 => Phase::Measured,
                    _ => Phase::CoolDown,
                },
                http_status: (index % 2 == 0).then_some(200),
                reconnected: index % 11 == 0,
                retries: u32::from(index % 13 == 0),
                failed_calls: u32::from(index % 8 == 0),
                notes: if index % 6 == 1 { vec![Note::HeldOpen] } else { Vec::new() },
            });
        }
        let recording = Recording { runs, around: recording().around };
        let recorded = RecordedRuns::open(file(&recording)).unwrap();
        assert_eq!(*recorded.around(), recording.around);
        let from_columns = LevelMetrics::of_columns(3, &recorded, recorded.around(), 0.2).unwrap();
        assert_eq!(from_columns, LevelMetrics::of(3, &recording, 0.2));
        assert!(from_columns.ttft.is_some() && from_columns.itl_max.is_some());
        assert_eq!(from_columns.failures[0].first_message, "run 4");
    }
}
