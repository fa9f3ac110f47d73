//! A recording that is written piece by piece: each is a row group, and only one is held.

use super::group::write_group;
use super::schema::{AROUND, Col, schema_without};
use crate::measure::{RecordingMeta, Run};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::io::Write;
use std::sync::Arc;

/// A recording that is being written.
pub(in crate::load) struct Pieces<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    left_out: Vec<Col>,
}

impl<W: Write + Send> Pieces<W> {
    /// Begins one with every column: which ones its runs will need is not known yet.
    pub fn begin(to: W) -> Result<Self> {
        Self::with_columns(to, Vec::new())
    }

    /// Begins one without columns that no run has anything for.
    pub(super) fn with_columns(to: W, left_out: Vec<Col>) -> Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by("sizer".to_owned())
            .build();
        let schema = Arc::new(parse_message_type(&schema_without(&left_out))?);
        let writer = SerializedFileWriter::new(to, schema, Arc::new(properties))?;
        Ok(Self { writer, left_out })
    }

    /// Adds runs.
    pub fn write(&mut self, runs: &[Run]) -> Result<()> {
        let mut group = self.writer.next_row_group()?;
        write_group(&mut group, runs, &self.left_out)?;
        group.close().map(drop)
    }

    /// Adds what was noted besides, and ends the file.
    pub fn end(mut self, around: &RecordingMeta) -> Result<W> {
        if let Ok(around) = serde_json::to_string(around) {
            self.writer.append_key_value_metadata(KeyValue::new(AROUND.to_owned(), around));
        }
        self.writer.into_inner()
    }
}
