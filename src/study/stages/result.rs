//! `result`: all that was measured and concluded, as one document. Reports, comparisons and the terminal are made
//! of it.

use super::artifacts::{Artifacts, ExpandedDataset};
use super::output::Document;
use super::stage::{Origin, Stage};
use crate::measure::LevelMetrics;
use crate::report::{SizingResult, SpecIdentity};
use crate::sizing::{Assessment, Finding, Fits};
use crate::spec::Spec;
use crate::store::Digest;
use crate::study::PipelineError;
use crate::study::producer::Producer;
use crate::study::services::Services;
use crate::study::spec_files::SpecFiles;
use serde::Serialize;
use std::collections::BTreeMap;

pub(super) struct Assemble;

/// The spec as far as a result speaks of it.
#[derive(Serialize)]
pub(in crate::study) struct ResultSlice {
    name: String,
    #[serde(rename = "spec content")]
    digest: String,
    workflow: WorkflowSlice,
}

#[derive(Serialize)]
struct WorkflowSlice {
    /// Set for runs that were recorded elsewhere, and so are of no dataset.
    recorded: bool,
    /// Of programs: `true` for those that stay from run to run.
    persistent: Option<bool>,
}

impl ResultSlice {
    /// Cuts it out of a spec.
    pub fn of(spec: &Spec) -> Self {
        let SpecIdentity { name, digest } = identity(spec);
        let persistent = spec.workflow.keeps_processes();
        let recorded = !Producer::of(spec).measures();
        Self { name, digest, workflow: WorkflowSlice { recorded, persistent } }
    }
}

/// The artifacts that a result is put together from.
pub(in crate::study) struct ResultInputs<'a> {
    /// For the rows of the dataset that were left out.
    expanded: ExpandedDataset<'a>,
    levels: Vec<LevelMetrics>,
    fits: Fits,
    assessment: Assessment,
    /// Digests of the artifacts that the figures come from, by stage.
    sources: BTreeMap<String, String>,
}

impl<'a> ResultInputs<'a> {
    /// Reads them.
    pub fn of(artifacts: &'a Artifacts<'_>) -> Result<Self, PipelineError> {
        Ok(Self {
            expanded: artifacts.expanded(),
            levels: artifacts.levels()?,
            fits: artifacts.fits()?,
            assessment: artifacts.assessment()?,
            sources: artifacts.digests(),
        })
    }
}

impl Stage for Assemble {
    type Distinction = ();
    type Slice = ResultSlice;
    type Inputs<'a> = ResultInputs<'a>;
    type Output = Document<SizingResult>;
    const VERSION: u32 = 4;

    fn of((): (), _: Origin<'_>) -> Self {
        Self
    }

    fn slice(&self, files: &SpecFiles) -> Result<ResultSlice, PipelineError> {
        Ok(ResultSlice::of(&files.spec))
    }

    fn inputs<'a>(&self, artifacts: &'a Artifacts<'_>) -> Result<ResultInputs<'a>, PipelineError> {
        ResultInputs::of(artifacts)
    }

    async fn run(
        &self,
        slice: &ResultSlice,
        inputs: Self::Inputs<'_>,
        _: &Services,
    ) -> Result<Document<SizingResult>, PipelineError> {
        assemble(slice, inputs).map(Document)
    }
}

/// Puts the result together.
pub(in crate::study) fn assemble(
    slice: &ResultSlice,
    inputs: ResultInputs<'_>,
) -> Result<SizingResult, PipelineError> {
    let ResultInputs { expanded, levels, fits, mut assessment, sources } = inputs;
    let dropped = if slice.workflow.recorded { 0 } else { expanded.dropped_rows()? };
    if dropped > 0 {
        assessment.notes.push(Finding::EmptyQuestions { rows: dropped });
    }
    let programs = slice.workflow.persistent.map(|persistent| Finding::Programs { persistent });
    assessment.notes.extend(programs);
    let identity = SpecIdentity { name: slice.name.clone(), digest: slice.digest.clone() };
    Ok(SizingResult::assemble(identity, levels, &fits, assessment, sources))
}

/// The identity of the spec that a result answers.
pub(in crate::study) fn identity(spec: &Spec) -> SpecIdentity {
    let canonical = spec.canonical().to_string();
    SpecIdentity {
        name: spec.title(),
        digest: Digest::of(canonical.as_bytes()).as_str().to_owned(),
    }
}
