//! `expand`: the dataset's rows as items with unique ids.

use super::artifacts::Artifacts;
use super::output::push_line;
use super::stage::{Origin, Stage};
use crate::dataset::{Conventions, Counts, DatasetError, RequiredFields, check_kept, for_each_row};
use crate::load::read_foreign;
use crate::measure::{Fields, Item, Row};
use crate::spec::{DatasetFormat, DatasetSpec, Filter};
use crate::study::content::Content;
use crate::study::file_digests::digest_of;
use crate::study::producer::Producer;
use crate::study::services::Services;
use crate::study::spec_files::SpecFiles;
use crate::study::{PipelineError, StageId};
use crate::workflow::recorded::{RecordedPaths, RecordedSpec};
use serde::{Serialize, Serializer};
use serde_json::json;
use std::path::Path;

/// Version of the way of reading recordings: another one makes other runs of them.
const READER: u32 = 2;

pub(super) struct Expand;

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ExpandSlice {
    Dataset(Box<DatasetSlice>),
    Recording(RecordingSlice),
}

impl ExpandSlice {
    fn of(files: &SpecFiles) -> Result<Self, PipelineError> {
        match Producer::of(&files.spec) {
            Producer::Workflow(_) => Ok(Self::Dataset(Box::new(DatasetSlice::of(files)?))),
            Producer::Elsewhere(_, recorded) => {
                let content = files.dataset()?;
                let path = RecordedPaths::Many(content.files.clone());
                let spec = RecordedSpec { path, ..recorded.clone() };
                Ok(Self::Recording(RecordingSlice { spec, content }))
            }
        }
    }
}

/// Counts what would be expanded, and keeps nothing.
pub(in crate::study) fn counts(files: &SpecFiles) -> Result<Counts, PipelineError> {
    match ExpandSlice::of(files)? {
        ExpandSlice::Dataset(dataset) => dataset.rows(&mut |_| Ok(())),
        ExpandSlice::Recording(recording) => {
            let runs = read_foreign(&recording.spec, &Path::to_owned)?.runs;
            Ok(Counts { items: runs.len(), ..Counts::default() })
        }
    }
}

/// A dataset as it is read. Not its path: a renamed file with the same content is the same dataset.
#[derive(Serialize)]
pub(in crate::study) struct DatasetSlice {
    fields: Fields,
    instead_of_question: Option<String>,
    format: Option<DatasetFormat>,
    encoding: Option<String>,
    separator: Option<String>,
    sheet: Option<String>,
    #[serde(skip_serializing_if = "Conventions::is_plain")]
    conventions: Conventions,
    id_key: String,
    question_key: String,
    whole_row: bool,
    filter: Filter,
    content: Content,
}

impl DatasetSlice {
    /// Cuts it out of a spec.
    pub fn of(files: &SpecFiles) -> Result<Self, PipelineError> {
        let (dataset, workflow) = (files.spec.dataset.clone(), &files.spec.workflow);
        Ok(Self {
            fields: workflow.fields(),
            instead_of_question: workflow.instead_of_question().map(str::to_owned),
            format: dataset.format(),
            encoding: dataset.encoding,
            separator: dataset.separator,
            sheet: dataset.sheet,
            conventions: dataset.conventions,
            id_key: dataset.id_key,
            question_key: dataset.question_key,
            whole_row: dataset.whole_row,
            filter: dataset.filter,
            content: files.dataset()?,
        })
    }

    /// Passes on every row; fails if the file changes meanwhile. Without a file there is one item, with an empty
    /// question.
    pub fn rows(
        &self,
        each: &mut dyn FnMut(Row) -> Result<(), DatasetError>,
    ) -> Result<Counts, PipelineError> {
        let Some(path) = self.path() else {
            let item = Item { id: "1".to_owned(), ..Item::default() };
            each(Row::Item(item))?;
            return Ok(Counts { items: 1, ..Counts::default() });
        };
        let spec = DatasetSpec {
            format: self.format,
            encoding: self.encoding.clone(),
            separator: self.separator.clone(),
            sheet: self.sheet.clone(),
            conventions: self.conventions,
            id_key: self.id_key.clone(),
            question_key: self.question_key.clone(),
            whole_row: self.whole_row,
            filter: self.filter.clone(),
            ..DatasetSpec::default()
        };
        let needs = RequiredFields {
            fields: self.fields.clone(),
            instead_of_question: self.instead_of_question.as_deref(),
        };
        let counts = for_each_row(&spec, &needs, path, each)?;
        let after = digest_of(path)?;
        if self.content.digest.as_ref().is_some_and(|before| *before != after) {
            return Err(DatasetError::Changed { path: path.display().to_string() }.into());
        }
        Ok(counts)
    }

    fn path(&self) -> Option<&Path> {
        self.content.files.first().map(AsRef::as_ref)
    }

    /// One line for each row.
    fn expand(&self) -> Result<Vec<u8>, PipelineError> {
        let mut lines = Vec::new();
        let path = self.path().map_or_else(String::new, |path| path.display().to_string());
        self.rows(&mut |row| {
            push_line(&mut lines, &row);
            check_kept(&path, lines.len())
        })?;
        Ok(lines)
    }
}

/// A recording as it is read.
pub(super) struct RecordingSlice {
    /// With the paths of the files themselves.
    spec: RecordedSpec,
    content: Content,
}

impl Serialize for RecordingSlice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json!({
            "content": self.content,
            "unit": self.spec.unit.unwrap_or_default(),
            "concurrency": self.spec.concurrency,
            "reader": READER,
        })
        .serialize(serializer)
    }
}

impl RecordingSlice {
    /// One line for each run.
    fn expand(&self, services: &Services) -> Result<Vec<u8>, PipelineError> {
        let mut lines = Vec::new();
        let recording = read_foreign(&self.spec, &Path::to_owned)?;
        for foreign in &recording.runs {
            // Two clocks, each of which is a number, can be further apart than any number.
            if !(foreign.run.end - foreign.run.start).is_finite() {
                return Err(PipelineError::Overflow { stage: StageId::Expand });
            }
            push_line(&mut lines, foreign);
        }
        if !recording.unread.is_empty() {
            let keys: Vec<String> = recording.unread.iter().map(|key| format!("`{key}`")).collect();
            let text = format!("the recording has keys that are not read: {}", keys.join(", "));
            services.observer.notice(&text);
        }
        Ok(lines)
    }
}

impl Stage for Expand {
    type Distinction = ();
    type Slice = ExpandSlice;
    type Inputs<'a> = ();
    type Output = Vec<u8>;
    const VERSION: u32 = 5;

    fn of((): (), _: Origin<'_>) -> Self {
        Self
    }

    fn slice(&self, files: &SpecFiles) -> Result<ExpandSlice, PipelineError> {
        ExpandSlice::of(files)
    }

    fn inputs(&self, _: &Artifacts<'_>) -> Result<(), PipelineError> {
        Ok(())
    }

    async fn run(
        &self,
        slice: &ExpandSlice,
        (): Self::Inputs<'_>,
        services: &Services,
    ) -> Result<Vec<u8>, PipelineError> {
        match slice {
            ExpandSlice::Dataset(dataset) => dataset.expand(),
            ExpandSlice::Recording(recording) => recording.expand(services),
        }
    }
}
