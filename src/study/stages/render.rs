//! `render@report`: one report.

use super::artifacts::{Artifacts, Runs};
use super::stage::{Origin, Stage};
use crate::measure::LevelMetrics;
use crate::redact::printable;
use crate::report::{
    AddedReport, Material, Report, ReportError, SizingResult, UserTemplate, built_in_template,
    report,
};
use crate::spec::Spec;
use crate::store::Digest;
use crate::study::PipelineError;
use crate::study::services::Services;
use crate::study::spec_files::SpecFiles;
use serde::{Serialize, Serializer};
use serde_json::json;

pub(super) struct Render {
    report: String,
    /// The place in the spec that names it.
    at: String,
}

#[derive(Serialize)]
pub(super) struct RenderSlice {
    template: Template,
    /// Version of a report that was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    #[serde(skip)]
    added: Option<AddedReport>,
}

/// The template of a report, where it has one. A key tells it by its content.
enum Template {
    /// The user's.
    Named(UserTemplate),
    /// One that comes with sizer.
    BuiltIn(&'static str),
    /// None: the report is made by code.
    Nothing,
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = match self {
            Self::Named(template) => Some(template.text.as_str()),
            Self::BuiltIn(text) => Some(*text),
            Self::Nothing => None,
        };
        json!({ "content": text.map(|text| Digest::of(text.as_bytes())) }).serialize(serializer)
    }
}

/// The material of a report.
pub(super) struct RenderInputs<'a> {
    result: SizingResult,
    runs: Runs<'a>,
}

impl Render {
    /// The stage behind a report of a spec.
    fn at(report: String, spec: &Spec) -> Self {
        let index = spec.outputs.reports.iter().position(|it| it.name == report);
        let at =
            index.map_or("outputs.reports".to_owned(), |index| format!("outputs.reports.{index}"));
        Self { report, at }
    }

    /// The user's template, where the spec names one.
    fn template(&self, spec: &Spec) -> Result<Option<UserTemplate>, PipelineError> {
        let report = spec.outputs.reports.iter().find(|report| report.name == self.report);
        let Some(path) = report.and_then(|report| report.template.as_ref()) else {
            return Ok(None);
        };
        let wrong =
            |message: String| spec.error_at(&self.at, message).help(spec.path_help()).into();
        UserTemplate::read(&spec.resolve(path)).map(Some).map_err(wrong)
    }
}

impl Stage for Render {
    type Distinction = String;
    type Slice = RenderSlice;
    type Inputs<'a> = RenderInputs<'a>;
    type Output = Vec<u8>;
    const VERSION: u32 = 5;

    fn of(report: String, origin: Origin<'_>) -> Self {
        Self::at(report, origin.spec)
    }

    fn slice(&self, files: &SpecFiles) -> Result<RenderSlice, PipelineError> {
        let template = match (self.template(&files.spec)?, built_in_template(&self.report)) {
            (Some(template), _) => Template::Named(template),
            (None, Some(text)) => Template::BuiltIn(text),
            (None, None) => Template::Nothing,
        };
        // A template of the user's goes before whatever is made by code.
        let added = files.spec.added_report(&self.report);
        let added = added.filter(|_| !matches!(template, Template::Named(_))).cloned();
        Ok(RenderSlice { template, version: added.as_ref().map(|added| added.version), added })
    }

    fn inputs<'a>(&self, artifacts: &'a Artifacts<'_>) -> Result<RenderInputs<'a>, PipelineError> {
        Ok(RenderInputs { result: artifacts.result()?, runs: artifacts.runs() })
    }

    async fn run(
        &self,
        slice: &RenderSlice,
        inputs: Self::Inputs<'_>,
        services: &Services,
    ) -> Result<Vec<u8>, PipelineError> {
        let template = match &slice.template {
            Template::Named(template) => Some(template.clone()),
            Template::BuiltIn(_) | Template::Nothing => None,
        };
        let built_in = report(&self.report, template);
        let added = slice.added.as_ref().map(|added| &*added.report as &dyn Report);
        let Some(report) = added.or(built_in.as_deref()) else {
            let message = "this is not a built-in report and has no template".to_owned();
            let wrong = services.error_at(&self.at, message).help(services.path_help());
            return Err(wrong.into());
        };
        let runs = |level: &LevelMetrics| {
            let concurrency = level.concurrency;
            let recording = inputs.runs.recording(concurrency);
            recording
                .map(|it| it.runs)
                .map_err(|error| ReportError::Runs { concurrency, error: error.into() })
        };
        Ok(readable(report.render(&Material { result: &inputs.result, runs: &runs })?))
    }
}

/// A report with nothing in it that paints the terminal of whoever looks at it; a picture stays.
fn readable(bytes: Vec<u8>) -> Vec<u8> {
    match String::from_utf8(bytes) {
        Ok(text) => printable(&text).into_owned().into_bytes(),
        Err(picture) => picture.into_bytes(),
    }
}

/// Reads every template that the spec names.
pub(in crate::study) fn check_templates(spec: &Spec) -> Result<(), PipelineError> {
    let mut reports = spec.outputs.reports.iter();
    reports.try_for_each(|report| Render::at(report.name.clone(), spec).template(spec).map(drop))
}
