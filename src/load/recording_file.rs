//! Recordings as Apache Parquet, which pandas, `DuckDB` and Polars read. One row per run;
//! the schema is part of the documentation.

use crate::measure::{
    ClientHealth, Failure, FailureKind, Gaps, LlmCall, Outcome, Phase, Recording, Run,
};
use bytes::Bytes;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Times are seconds since the level began. `phase` is `warm_up`, `measured` or `cool_down`;
/// `failure_kind` is null where the run succeeded.
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
      }
    }
  }
}";

/// Where the file's own metadata says how the client fared.
const CLIENT: &str = "sizer.client";
/// A row group is held whole by writer and reader.
const ROWS_PER_GROUP: usize = 250_000;

/// Writes a recording.
pub fn to_parquet(recording: &Recording) -> Result<Vec<u8>> {
    let client = recording.client.and_then(|client| serde_json::to_string(&client).ok());
    let metadata = client.map(|client| vec![KeyValue::new(CLIENT.to_owned(), client)]);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by("sizer".to_owned())
        .set_key_value_metadata(metadata)
        .build();
    let schema = Arc::new(parse_message_type(RUNS_SCHEMA)?);
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    for runs in recording.runs.chunks(ROWS_PER_GROUP) {
        let mut group = writer.next_row_group()?;
        write_group(&mut group, runs)?;
        group.close()?;
    }
    writer.into_inner()
}

fn write_group(group: &mut Group<'_>, runs: &[Run]) -> Result<()> {
    let failure = |run: &Run| match &run.outcome {
        Outcome::Ok => None,
        Outcome::Failed(failure) => Some(failure.clone()),
    };
    plain::<ByteArrayType>(group, runs, |run| text(&run.id))?;
    plain::<ByteArrayType>(group, runs, |run| text(&name(run.phase)))?;
    plain::<DoubleType>(group, runs, |run| run.start)?;
    plain::<DoubleType>(group, runs, |run| run.end)?;
    optional::<ByteArrayType>(group, runs, |run| Some(text(&name(failure(run)?.kind))))?;
    optional::<ByteArrayType>(group, runs, |run| Some(text(&failure(run)?.message)))?;
    optional::<Int32Type>(group, runs, |run| run.http_status.map(i32::from))?;
    optional::<DoubleType>(group, runs, |run| run.server_runtime)?;
    plain::<BoolType>(group, runs, |run| run.reconnected)?;
    // Token counts beyond i64 do not exist.
    let count = |tokens: Option<u64>| tokens.and_then(|tokens| i64::try_from(tokens).ok());
    of_calls::<DoubleType>(group, runs, true, |call| Some(call.start))?;
    of_calls::<DoubleType>(group, runs, true, |call| Some(call.end))?;
    of_calls::<DoubleType>(group, runs, false, |call| call.ttft)?;
    of_calls::<Int64Type>(group, runs, false, |call| count(call.prompt_tokens))?;
    of_calls::<Int64Type>(group, runs, false, |call| count(call.completion_tokens))?;
    of_calls::<DoubleType>(group, runs, false, |call| Some(call.itl?.mean))?;
    of_calls::<DoubleType>(group, runs, false, |call| Some(call.itl?.p95))?;
    of_calls::<DoubleType>(group, runs, false, |call| Some(call.itl?.max))?;
    of_calls::<ByteArrayType>(group, runs, false, |call| call.finish_reason.as_deref().map(text))
}

type Group<'a> = SerializedRowGroupWriter<'a, Vec<u8>>;

/// A column with a value in every row.
fn plain<T: DataType>(
    group: &mut Group<'_>,
    runs: &[Run],
    get: impl Fn(&Run) -> T::T,
) -> Result<()> {
    write::<T>(group, &runs.iter().map(get).collect::<Vec<_>>(), None, None)
}

/// A column that can be null.
fn optional<T: DataType>(
    group: &mut Group<'_>,
    runs: &[Run],
    get: impl Fn(&Run) -> Option<T::T>,
) -> Result<()> {
    let values: Vec<Option<T::T>> = runs.iter().map(get).collect();
    let definitions: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<T::T> = values.into_iter().flatten().collect();
    write::<T>(group, &values, Some(&definitions), None)
}

/// A column of the list of calls: none in a row without calls.
fn of_calls<T: DataType>(
    group: &mut Group<'_>,
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
    write::<T>(group, &values, Some(&definitions), Some(&repetitions))
}

fn write<T: DataType>(
    group: &mut Group<'_>,
    values: &[T::T],
    definitions: Option<&[i16]>,
    repetitions: Option<&[i16]>,
) -> Result<()> {
    let missing = || ParquetError::General("the schema has fewer columns".to_owned());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<T>().write_batch(values, definitions, repetitions)?;
    column.close()
}

/// Reads what [`to_parquet`] wrote.
pub fn from_parquet(bytes: Vec<u8>) -> Result<Recording> {
    let reader = SerializedFileReader::new(Bytes::from(bytes))?;
    let metadata = reader.metadata().file_metadata().key_value_metadata();
    let client = metadata.into_iter().flatten().find(|entry| entry.key == CLIENT);
    let client: Option<ClientHealth> =
        client.and_then(|entry| serde_json::from_str(entry.value.as_ref()?).ok());
    let mut runs = Vec::new();
    for index in 0..reader.num_row_groups() {
        read_group(&*reader.get_row_group(index)?, &mut runs)?;
    }
    Ok(Recording { runs, client })
}

fn read_group(group: &dyn RowGroupReader, runs: &mut Vec<Run>) -> Result<()> {
    let damaged = || ParquetError::General("columns of different lengths".to_owned());
    let ids = Column::<ByteArrayType>::read(group, 0)?.values.into_iter();
    let mut phases = Column::<ByteArrayType>::read(group, 1)?.values.into_iter();
    let mut starts = Column::<DoubleType>::read(group, 2)?.values.into_iter();
    let mut ends = Column::<DoubleType>::read(group, 3)?.values.into_iter();
    let mut kinds = Column::<ByteArrayType>::read(group, 4)?.nullable();
    let mut messages = Column::<ByteArrayType>::read(group, 5)?.nullable();
    let mut statuses = Column::<Int32Type>::read(group, 6)?.nullable();
    let mut server_runtimes = Column::<DoubleType>::read(group, 7)?.nullable();
    let mut reconnected = Column::<BoolType>::read(group, 8)?.values.into_iter();
    let mut calls = read_calls(group)?.into_iter();
    for id in ids {
        let kind = kinds.next().flatten().and_then(|kind| named::<FailureKind>(&kind));
        let message = messages.next().flatten().map(|message| plain_text(&message));
        let status = statuses.next().flatten();
        runs.push(Run {
            id: plain_text(&id),
            start: starts.next().ok_or_else(damaged)?,
            end: ends.next().ok_or_else(damaged)?,
            outcome: kind.map_or(Outcome::Ok, |kind| {
                Outcome::Failed(Failure::new(kind, message.unwrap_or_default()))
            }),
            llm_calls: calls.next().ok_or_else(damaged)?,
            server_runtime: server_runtimes.next().flatten(),
            phase: phases.next().and_then(|phase| named(&phase)).unwrap_or(Phase::Measured),
            http_status: status.and_then(|status| u16::try_from(status).ok()),
            reconnected: reconnected.next().ok_or_else(damaged)?,
        });
    }
    Ok(())
}

/// The calls of each run.
fn read_calls(group: &dyn RowGroupReader) -> Result<Vec<Vec<LlmCall>>> {
    let starts = Column::<DoubleType>::read(group, 9)?;
    let rows: Vec<(i16, i16)> =
        starts.definitions.iter().copied().zip(starts.repetitions.iter().copied()).collect();
    let mut starts = starts.values.into_iter();
    let mut ends = Column::<DoubleType>::read(group, 10)?.values.into_iter();
    let mut ttfts = Column::<DoubleType>::read(group, 11)?.of_calls();
    let mut prompts = Column::<Int64Type>::read(group, 12)?.of_calls();
    let mut completions = Column::<Int64Type>::read(group, 13)?.of_calls();
    let mut means = Column::<DoubleType>::read(group, 14)?.of_calls();
    let mut p95s = Column::<DoubleType>::read(group, 15)?.of_calls();
    let mut maxima = Column::<DoubleType>::read(group, 16)?.of_calls();
    let mut reasons = Column::<ByteArrayType>::read(group, 17)?.of_calls();
    let count = |tokens: i64| u64::try_from(tokens).ok();
    let mut runs: Vec<Vec<LlmCall>> = Vec::new();
    for (definition, repetition) in rows {
        if repetition == 0 {
            runs.push(Vec::new());
        }
        if definition == 0 {
            continue;
        }
        let itl = (means.next().flatten(), p95s.next().flatten(), maxima.next().flatten());
        let call = LlmCall {
            start: starts.next().unwrap_or_default(),
            end: ends.next().unwrap_or_default(),
            ttft: ttfts.next().flatten(),
            prompt_tokens: prompts.next().flatten().and_then(count),
            completion_tokens: completions.next().flatten().and_then(count),
            itl: match itl {
                (Some(mean), Some(p95), Some(max)) => Some(Gaps { mean, p95, max }),
                _ => None,
            },
            finish_reason: reasons.next().flatten().map(|reason| plain_text(&reason)),
        };
        if let Some(calls) = runs.last_mut() {
            calls.push(call);
        }
    }
    Ok(runs)
}

/// A column of a row group as it lies in the file.
struct Column<T: DataType> {
    values: Vec<T::T>,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
}

impl<T: DataType> Column<T> {
    fn read(group: &dyn RowGroupReader, index: usize) -> Result<Self> {
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or_default();
        let (mut values, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
        let mut reader = get_typed_column_reader::<T>(group.get_column_reader(index)?);
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
    fn nullable(self) -> impl Iterator<Item = Option<T::T>> {
        let mut values = self.values.into_iter();
        self.definitions.into_iter().map(move |level| if level > 0 { values.next() } else { None })
    }

    /// A value or nothing for each call.
    fn of_calls(self) -> impl Iterator<Item = Option<T::T>> {
        let mut values = self.values.into_iter();
        let calls = self.definitions.into_iter().filter(|level| *level > 0);
        calls.map(move |level| if level > 1 { values.next() } else { None })
    }
}

fn text(text: &str) -> ByteArray {
    ByteArray::from(text)
}

fn plain_text(bytes: &ByteArray) -> String {
    String::from_utf8_lossy(bytes.data()).into_owned()
}

/// The name of a variant, as everywhere else.
fn name(variant: impl Serialize) -> String {
    let value = serde_json::to_value(variant).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

fn named<T: DeserializeOwned>(bytes: &ByteArray) -> Option<T> {
    serde_json::from_value(plain_text(bytes).into()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_comes_back_as_it_was() {
        let call = |start: f64| LlmCall {
            start,
            end: start + 0.1,
            ttft: Some(0.01),
            prompt_tokens: Some(7),
            completion_tokens: None,
            itl: Some(Gaps { mean: 0.001, p95: 0.002, max: 0.1 + 0.2 }),
            finish_reason: Some("stop".into()),
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
        };
        let bare = LlmCall { end: 1.0, ..LlmCall::default() };
        let failure = Failure::new(FailureKind::RateLimited, "é \"quoted\"");
        let recording = Recording {
            runs: vec![
                run("none", Vec::new()),
                run("three", vec![call(0.0), bare.clone(), call(2.0)]),
                Run {
                    outcome: Outcome::Failed(failure),
                    server_runtime: None,
                    phase: Phase::CoolDown,
                    http_status: Some(429),
                    reconnected: false,
                    ..run("failed", Vec::new())
                },
                Run { phase: Phase::WarmUp, http_status: None, ..run("one", vec![bare]) },
            ],
            client: Some(ClientHealth { cpu_share: 0.25, lag_p95: 1e-4, lag_max: 2e-3 }),
        };
        let bytes = to_parquet(&recording).unwrap();
        assert_eq!(bytes, to_parquet(&recording).unwrap(), "equal content, equal bytes");
        assert_eq!(from_parquet(bytes).unwrap(), recording);
        let empty = Recording::default();
        assert_eq!(from_parquet(to_parquet(&empty).unwrap()).unwrap(), empty);
    }
}
