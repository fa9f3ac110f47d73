//! Recordings out of Parquet files.

use super::column::{Column, damaged, named, notes_of, plain_text};
use super::schema::{AROUND, Col, OWN};
use super::steps::each_steps;
use crate::dataset::without_panic;
use crate::measure::{
    Failure, FailureKind, Gaps, LlmCall, Outcome, Phase, Recording, RecordingMeta, Run,
};
use bytes::Bytes;
use parquet::data_type::{BoolType, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::errors::Result;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::schema::types::ColumnDescPtr;

/// Reads what [`super::to_parquet`] wrote. A file on which the crate panics is damaged, as any other that it refuses.
pub fn from_parquet(bytes: Vec<u8>) -> Result<Recording> {
    without_panic(|| read_all(bytes)).unwrap_or_else(|| Err(damaged()))
}

fn read_all(bytes: Vec<u8>) -> Result<Recording> {
    let reader = SerializedFileReader::new(Bytes::from(bytes))?;
    let around = around(&reader);
    let mut runs = Vec::new();
    for index in 0..reader.num_row_groups() {
        read_group(&*reader.get_row_group(index)?, &mut runs)?;
    }
    Ok(Recording { runs, around })
}

/// Returns true if a file has the columns that [`super::to_parquet`] writes. The last ones came later.
pub fn is_own_parquet(reader: &dyn FileReader) -> bool {
    const AT_LEAST: usize = Col::CallStatus as usize + 1;
    let Some(own) = OWN.as_ref() else { return false };
    let file = reader.metadata().file_metadata().schema_descr();
    let same = |(a, b): (&ColumnDescPtr, &ColumnDescPtr)| {
        a.path() == b.path()
            && a.physical_type() == b.physical_type()
            && a.max_def_level() == b.max_def_level()
            && a.max_rep_level() == b.max_rep_level()
    };
    let (columns, known) = (file.columns(), own.columns());
    let is_known = |column: &ColumnDescPtr| known.iter().any(|known| same((column, known)));
    columns.len() >= AT_LEAST
        && columns.iter().zip(known).take(AT_LEAST).all(same)
        && columns.iter().all(is_known)
}

/// Reads the facts about the level, besides its runs.
pub(super) fn around(reader: &dyn FileReader) -> RecordingMeta {
    let metadata = reader.metadata().file_metadata().key_value_metadata();
    let entry = metadata.into_iter().flatten().find(|entry| entry.key == AROUND);
    // Other versions noted other things, or nothing.
    entry.and_then(|entry| serde_json::from_str(entry.value.as_ref()?).ok()).unwrap_or_default()
}

fn read_group(group: &dyn RowGroupReader, runs: &mut Vec<Run>) -> Result<()> {
    let first = runs.len();
    let ids = Column::<ByteArrayType>::read(group, Col::Id)?.values.into_iter();
    let mut phases = Column::<ByteArrayType>::read(group, Col::Phase)?.values.into_iter();
    let mut starts = Column::<DoubleType>::read(group, Col::Start)?.values.into_iter();
    let mut ends = Column::<DoubleType>::read(group, Col::End)?.values.into_iter();
    let mut kinds = Column::<ByteArrayType>::read(group, Col::FailureKind)?.nullable();
    let mut messages = Column::<ByteArrayType>::read(group, Col::FailureMessage)?.nullable();
    let mut statuses = Column::<Int32Type>::read(group, Col::HttpStatus)?.nullable();
    let mut server_runtimes = Column::<DoubleType>::read(group, Col::ServerRuntime)?.nullable();
    let mut reconnected = Column::<BoolType>::read(group, Col::Reconnected)?.values.into_iter();
    let mut retries = Column::<Int32Type>::read(group, Col::Retries)?.values.into_iter();
    let mut failed_calls = Column::<Int32Type>::read(group, Col::FailedCalls)?.nullable();
    let mut notes = Column::<ByteArrayType>::read(group, Col::Notes)?.nullable();
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
                Outcome::Failed(Failure::new(kind, message.as_deref().unwrap_or("")))
            }),
            llm_calls: calls.next().ok_or_else(damaged)?,
            server_runtime: server_runtimes.next().flatten(),
            phase: phases.next().and_then(|phase| named(&phase)).unwrap_or(Phase::Measured),
            http_status: status.and_then(|status| u16::try_from(status).ok()),
            reconnected: reconnected.next().ok_or_else(damaged)?,
            retries: retries.next().and_then(|it| u32::try_from(it).ok()).ok_or_else(damaged)?,
            // Recordings of earlier versions have no such column.
            failed_calls: match failed_calls.next().flatten() {
                Some(count) => u32::try_from(count).map_err(|_| damaged())?,
                None => 0,
            },
            notes: notes.next().flatten().map_or_else(Vec::new, |names| notes_of(&names)),
            steps: Vec::new(),
        });
    }
    each_steps(group, &mut |index, steps| {
        if let Some(run) = runs.get_mut(first + index) {
            run.steps = steps;
        }
    })
}

/// The calls of each run.
fn read_calls(group: &dyn RowGroupReader) -> Result<Vec<Vec<LlmCall>>> {
    let starts = Column::<DoubleType>::read(group, Col::CallStart)?;
    let rows: Vec<(i16, i16)> =
        starts.definitions.iter().copied().zip(starts.repetitions.iter().copied()).collect();
    let mut starts = starts.values.into_iter();
    let mut ends = Column::<DoubleType>::read(group, Col::CallEnd)?.values.into_iter();
    let mut ttfts = Column::<DoubleType>::read(group, Col::Ttft)?.of_elements();
    let mut prompts = Column::<Int64Type>::read(group, Col::PromptTokens)?.of_elements();
    let mut cached = Column::<Int64Type>::read(group, Col::CachedTokens)?.of_elements();
    let mut prefixes = Column::<DoubleType>::read(group, Col::SharedPrefix)?.of_elements();
    let mut completions = Column::<Int64Type>::read(group, Col::CompletionTokens)?.of_elements();
    let mut means = Column::<DoubleType>::read(group, Col::ItlMean)?.of_elements();
    let mut p95s = Column::<DoubleType>::read(group, Col::ItlP95)?.of_elements();
    let mut maxima = Column::<DoubleType>::read(group, Col::ItlMax)?.of_elements();
    let mut reasons = Column::<ByteArrayType>::read(group, Col::FinishReason)?.of_elements();
    let mut models = Column::<ByteArrayType>::read(group, Col::Model)?.of_elements();
    let mut upstreams = Column::<ByteArrayType>::read(group, Col::Upstream)?.of_elements();
    let mut statuses = Column::<Int32Type>::read(group, Col::CallStatus)?.of_elements();
    let mut answers = Column::<DoubleType>::read(group, Col::AnswerTtft)?.of_elements();
    let mut chunks = Column::<Int64Type>::read(group, Col::Chunks)?.of_elements();
    let mut gap_means = Column::<DoubleType>::read(group, Col::ChunkGapMean)?.of_elements();
    let mut gap_p95s = Column::<DoubleType>::read(group, Col::ChunkGapP95)?.of_elements();
    let mut gap_maxima = Column::<DoubleType>::read(group, Col::ChunkGapMax)?.of_elements();
    let count = |tokens: i64| u64::try_from(tokens).ok();
    let gaps = |mean: Option<f64>, p95, max| mean.map(|mean| Gaps { mean, p95, max });
    let mut runs: Vec<Vec<LlmCall>> = Vec::new();
    for (definition, repetition) in rows {
        if repetition == 0 {
            runs.push(Vec::new());
        }
        if definition == 0 {
            continue;
        }
        let call = LlmCall {
            start: starts.next().ok_or_else(damaged)?,
            end: ends.next().ok_or_else(damaged)?,
            ttft: ttfts.next().flatten(),
            prompt_tokens: prompts.next().flatten().and_then(count),
            cached_tokens: cached.next().flatten().and_then(count),
            shared_prefix: prefixes.next().flatten(),
            completion_tokens: completions.next().flatten().and_then(count),
            itl: gaps(means.next().flatten(), p95s.next().flatten(), maxima.next().flatten()),
            finish_reason: reasons.next().flatten().map(|reason| plain_text(&reason)),
            model: models.next().flatten().map(|model| plain_text(&model)),
            upstream: upstreams.next().flatten().map(|name| plain_text(&name)),
            http_status: number(statuses.next().flatten()),
            answer_ttft: answers.next().flatten(),
            chunks: chunks.next().flatten().and_then(count),
            chunk_gaps: gaps(
                gap_means.next().flatten(),
                gap_p95s.next().flatten(),
                gap_maxima.next().flatten(),
            ),
        };
        if let Some(calls) = runs.last_mut() {
            calls.push(call);
        }
    }
    Ok(runs)
}

fn number<T: TryFrom<i32>>(value: Option<i32>) -> Option<T> {
    value.and_then(|value| T::try_from(value).ok())
}
