//! `render@report`: one report.

use super::Artifacts;
use super::stage::{Making, Stage, ready};
use crate::pipeline::PipelineError;
use crate::pipeline::context::Context;
use crate::redact::printable;
use crate::report::{
    Material, ReportError, SizingResult, SpecIdentity, UserTemplate, built_in_template, report,
};
use crate::spec::WorkflowSpec;
use crate::spec::workflow::CommandSpec;
use crate::store::Digest;
use serde_json::{Value, json};

pub(super) struct Render {
    pub report: String,
}

impl Stage for Render {
    fn version(&self) -> u32 {
        3
    }

    fn reads(&self, context: &Context<'_>) -> Result<Value, PipelineError> {
        let template = match self.template(context)? {
            Some(template) => Some(template.text),
            None => built_in_template(&self.report).map(str::to_owned),
        };
        let SpecIdentity { name, digest } = identity(context);
        Ok(json!({
            "template": { "content": template.map(|text| Digest::of(text.as_bytes())) },
            "name": name,
            "spec content": digest,
        }))
    }

    fn run<'a>(&'a self, context: &'a Context<'_>, artifacts: &'a Artifacts<'_>) -> Making<'a> {
        ready(self.render(context, artifacts))
    }
}

impl Render {
    fn render(
        &self,
        context: &Context<'_>,
        artifacts: &Artifacts<'_>,
    ) -> Result<Vec<u8>, PipelineError> {
        let result = assemble(context, artifacts)?;
        match report(&self.report, self.template(context)?) {
            Some(report) => {
                let runs = |concurrency| {
                    artifacts
                        .recording(concurrency)
                        .map(|it| it.runs)
                        .map_err(|error| ReportError::Runs { concurrency, error: error.into() })
                };
                let bytes = report.render(&Material { result: &result, runs: &runs })?;
                Ok(readable(bytes))
            }
            None => {
                Err(self
                    .error(context, "this is not a built-in report and has no template".to_owned()))
            }
        }
    }

    /// The user's template, where the spec names one.
    fn template(&self, context: &Context<'_>) -> Result<Option<UserTemplate>, PipelineError> {
        let reports = &context.spec.outputs.reports;
        let spec = reports.iter().find(|report| report.name == self.report);
        let Some(path) = spec.and_then(|report| report.template.as_ref()) else { return Ok(None) };
        let path = context.spec.resolve(path);
        UserTemplate::read(&path).map(Some).map_err(|message| self.error(context, message))
    }

    /// An error that points at this report in the spec.
    fn error(&self, context: &Context<'_>, message: String) -> PipelineError {
        let reports = &context.spec.outputs.reports;
        let index = reports.iter().position(|report| report.name == self.report);
        let at =
            index.map_or("outputs.reports".to_owned(), |index| format!("outputs.reports.{index}"));
        context.spec.error_at(&at, message).help(context.spec.path_help()).into()
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
pub(in crate::pipeline) fn check_templates(context: &Context<'_>) -> Result<(), PipelineError> {
    let reports = context.spec.outputs.reports.iter();
    reports.map(|report| Render { report: report.name.clone() }).try_for_each(|render| {
        render.template(context)?;
        Ok(())
    })
}

/// Puts the result together from the artifacts.
pub(in crate::pipeline) fn assemble(
    context: &Context<'_>,
    artifacts: &Artifacts<'_>,
) -> Result<SizingResult, PipelineError> {
    let mut assessment = artifacts.assessment()?;
    let recorded = context.spec.workflow.recorded().is_some();
    let dropped = if recorded { 0 } else { artifacts.dropped_rows()? };
    if dropped > 0 {
        assessment.notes.push(if dropped == 1 {
            "1 row of the dataset had an empty question and was left out.".to_owned()
        } else {
            format!("{dropped} rows of the dataset had an empty question and were left out.")
        });
    }
    if let WorkflowSpec::Command(command) = &context.spec.workflow {
        assessment.notes.push(started(command).to_owned());
    }
    Ok(SizingResult::assemble(
        identity(context),
        artifacts.levels()?,
        &artifacts.fits()?,
        assessment,
        artifacts.sources(),
    ))
}

/// What of a program's time was measured.
fn started(command: &CommandSpec) -> &'static str {
    if command.persistent {
        "Worker processes were started and had answered once before each level: runtimes leave out starting the program."
    } else {
        "Every run was a process of its own: runtimes include starting the program."
    }
}

/// Which spec the result answers.
pub(in crate::pipeline) fn identity(context: &Context<'_>) -> SpecIdentity {
    let canonical = context.spec.canonical().to_string();
    SpecIdentity {
        name: context.spec.title(),
        digest: Digest::of(canonical.as_bytes()).as_str().to_owned(),
    }
}
