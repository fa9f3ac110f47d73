//! Recorded runs of which one column of one row group is held at a time.

use super::column::{Column, damaged, named, notes_of, plain_text};
use super::read::around;
use super::schema::Col;
use super::steps::each_steps;
use crate::measure::{
    CallColumn, FailureKind, Note, Phase, RecordingMeta, RunColumns, RunFields, Step,
};
use parquet::data_type::{BoolType, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use std::collections::HashMap;
use std::fs::File;

/// The definition of a value of a call that is always there, and of one that can be null.
const REQUIRED: i16 = 1;
const OPTIONAL: i16 = 2;

/// The runs in a Parquet file.
pub struct RecordedRuns {
    reader: SerializedFileReader<File>,
    around: RecordingMeta,
}

impl RecordedRuns {
    /// Opens a file that [`super::to_parquet`] wrote.
    pub fn open(file: File) -> Result<Self> {
        let reader = SerializedFileReader::new(file)?;
        let around = around(&reader);
        Ok(Self { reader, around })
    }

    /// Facts about the level, besides its runs.
    pub fn around(&self) -> &RecordingMeta {
        &self.around
    }

    /// Hands over the row groups, each with the position of its first run.
    fn each_group(
        &self,
        each: &mut dyn FnMut(usize, &dyn RowGroupReader) -> Result<()>,
    ) -> Result<()> {
        let mut first = 0;
        for index in 0..self.reader.num_row_groups() {
            let group = self.reader.get_row_group(index)?;
            each(first, &*group)?;
            first += usize::try_from(group.metadata().num_rows()).map_err(|_| damaged())?;
        }
        Ok(())
    }

    /// Hands over a column of the calls.
    fn each_double(
        &self,
        column: Col,
        present: i16,
        each: &mut dyn FnMut(usize, f64),
    ) -> Result<()> {
        self.each_group(&mut |first, group| {
            let column = Column::<DoubleType>::read(group, column)?;
            column.by_row(first, present).for_each(|(run, value)| each(run, value));
            Ok(())
        })
    }

    fn each_count(&self, column: Col, each: &mut dyn FnMut(usize, f64)) -> Result<()> {
        self.each_group(&mut |first, group| {
            let column = Column::<Int64Type>::read(group, column)?;
            column.by_row(first, OPTIONAL).for_each(|(run, value)| each(run, value as f64));
            Ok(())
        })
    }

    fn each_tokens_per_second(&self, each: &mut dyn FnMut(usize, f64)) -> Result<()> {
        self.each_group(&mut |first, group| {
            let starts = Column::<DoubleType>::read(group, Col::CallStart)?.values;
            let ends = Column::<DoubleType>::read(group, Col::CallEnd)?.values;
            let tokens = Column::<Int64Type>::read(group, Col::CompletionTokens)?;
            // Of the tokens some can be missing; times never are.
            let present: Vec<bool> = tokens
                .definitions
                .iter()
                .filter(|definition| **definition >= REQUIRED)
                .map(|definition| *definition >= OPTIONAL)
                .collect();
            let latencies = ends.into_iter().zip(starts).map(|(end, start)| end - start);
            let latencies = latencies.zip(present).filter(|(_, present)| *present);
            for ((run, tokens), (latency, _)) in tokens.by_row(first, OPTIONAL).zip(latencies) {
                if latency > 0.0 {
                    each(run, tokens as f64 / latency);
                }
            }
            Ok(())
        })
    }
}

impl RecordedRuns {
    fn each_tokens_per_chunk(&self, each: &mut dyn FnMut(usize, f64)) -> Result<()> {
        self.each_group(&mut |first, group| {
            let chunks = Column::<Int64Type>::read(group, Col::Chunks)?;
            if chunks.values.is_empty() {
                return Ok(());
            }
            let tokens = Column::<Int64Type>::read(group, Col::CompletionTokens)?.of_elements();
            let rows = chunks.rows(first);
            for ((run, chunks), tokens) in rows.into_iter().zip(chunks.of_elements()).zip(tokens) {
                if let (Some(chunks), Some(tokens)) = (chunks, tokens) {
                    each(run, tokens as f64 / (chunks as f64).max(1.0));
                }
            }
            Ok(())
        })
    }
}

/// Names repeat by the million, and are looked up once.
struct Names<T> {
    known: HashMap<Vec<u8>, Option<T>>,
}

impl<T: serde::de::DeserializeOwned + Copy> Names<T> {
    fn new() -> Self {
        Self { known: HashMap::new() }
    }

    fn get(&mut self, name: &parquet::data_type::ByteArray) -> Option<T> {
        if let Some(known) = self.known.get(name.data()) {
            return *known;
        }
        let value = named(name);
        self.known.insert(name.data().to_vec(), value);
        value
    }
}

impl RunColumns for RecordedRuns {
    type Error = ParquetError;

    fn each_run(&self, each: &mut dyn FnMut(RunFields)) -> Result<()> {
        let (mut phases, mut kinds) = (Names::<Phase>::new(), Names::<FailureKind>::new());
        self.each_group(&mut |_, group| {
            let names = Column::<ByteArrayType>::read(group, Col::Phase)?.values;
            let mut starts = Column::<DoubleType>::read(group, Col::Start)?.values.into_iter();
            let mut ends = Column::<DoubleType>::read(group, Col::End)?.values.into_iter();
            let mut failures = Column::<ByteArrayType>::read(group, Col::FailureKind)?.nullable();
            let mut statuses = Column::<Int32Type>::read(group, Col::HttpStatus)?.nullable();
            let mut servers = Column::<DoubleType>::read(group, Col::ServerRuntime)?.nullable();
            let again = Column::<BoolType>::read(group, Col::Reconnected)?.values;
            let mut again = again.into_iter();
            let mut retries = Column::<Int32Type>::read(group, Col::Retries)?.values.into_iter();
            let mut failed_calls = Column::<Int32Type>::read(group, Col::FailedCalls)?.nullable();
            for phase in names {
                let status = statuses.next().flatten();
                let retries = retries.next().ok_or_else(damaged)?;
                each(RunFields {
                    phase: phases.get(&phase).unwrap_or(Phase::Measured),
                    start: starts.next().ok_or_else(damaged)?,
                    end: ends.next().ok_or_else(damaged)?,
                    failure: failures.next().flatten().and_then(|kind| kinds.get(&kind)),
                    http_status: status.and_then(|status| u16::try_from(status).ok()),
                    server_runtime: servers.next().flatten(),
                    reconnected: again.next().ok_or_else(damaged)?,
                    retries: u32::try_from(retries).map_err(|_| damaged())?,
                    // Recordings of earlier versions have no such column.
                    failed_calls: match failed_calls.next().flatten() {
                        Some(count) => u32::try_from(count).map_err(|_| damaged())?,
                        None => 0,
                    },
                });
            }
            Ok(())
        })
    }

    fn each_message(&self, each: &mut dyn FnMut(usize, &str)) -> Result<()> {
        self.each_group(&mut |first, group| {
            let messages = Column::<ByteArrayType>::read(group, Col::FailureMessage)?.nullable();
            for (run, message) in (first..).zip(messages) {
                if let Some(message) = message {
                    each(run, &plain_text(&message));
                }
            }
            Ok(())
        })
    }

    fn each_call(&self, column: CallColumn, each: &mut dyn FnMut(usize, f64)) -> Result<()> {
        match column {
            CallColumn::Latency => {
                self.each_call_span(&mut |run, start, end| each(run, end - start))
            }
            CallColumn::TokensPerSecond => self.each_tokens_per_second(each),
            CallColumn::Ttft => self.each_double(Col::Ttft, OPTIONAL, each),
            CallColumn::ItlMean => self.each_double(Col::ItlMean, OPTIONAL, each),
            CallColumn::ItlP95 => self.each_double(Col::ItlP95, OPTIONAL, each),
            CallColumn::ItlMax => self.each_double(Col::ItlMax, OPTIONAL, each),
            CallColumn::AnswerTtft => self.each_double(Col::AnswerTtft, OPTIONAL, each),
            CallColumn::ChunkGapMean => self.each_double(Col::ChunkGapMean, OPTIONAL, each),
            CallColumn::ChunkGapMax => self.each_double(Col::ChunkGapMax, OPTIONAL, each),
            CallColumn::TokensPerChunk => self.each_tokens_per_chunk(each),
            CallColumn::SharedPrefix => self.each_double(Col::SharedPrefix, OPTIONAL, each),
            CallColumn::CachedTokens => self.each_count(Col::CachedTokens, each),
            CallColumn::PromptTokens => self.each_count(Col::PromptTokens, each),
            CallColumn::CompletionTokens => self.each_count(Col::CompletionTokens, each),
        }
    }

    fn each_finish_reason(&self, each: &mut dyn FnMut(usize, &str)) -> Result<()> {
        self.each_group(&mut |first, group| {
            let column = Column::<ByteArrayType>::read(group, Col::FinishReason)?;
            for (run, reason) in column.by_row(first, OPTIONAL) {
                each(run, &plain_text(&reason));
            }
            Ok(())
        })
    }

    fn each_note(&self, each: &mut dyn FnMut(Note)) -> Result<()> {
        self.each_group(&mut |_, group| {
            let names = Column::<ByteArrayType>::read(group, Col::Notes)?.values;
            names.iter().flat_map(notes_of).for_each(&mut *each);
            Ok(())
        })
    }

    fn each_call_span(&self, each: &mut dyn FnMut(usize, f64, f64)) -> Result<()> {
        self.each_group(&mut |first, group| {
            let starts = Column::<DoubleType>::read(group, Col::CallStart)?.values;
            let ends = Column::<DoubleType>::read(group, Col::CallEnd)?;
            let ends = ends.by_row(first, REQUIRED);
            ends.zip(starts).for_each(|((run, end), start)| each(run, start, end));
            Ok(())
        })
    }

    fn each_steps(&self, each: &mut dyn FnMut(usize, &[Step])) -> Result<()> {
        self.each_group(&mut |first, group| {
            each_steps(group, &mut |index, steps| each(first + index, &steps))
        })
    }
}
