//! Errors of the library as exceptions of `sizer.errors`.

use pyo3::prelude::*;
use sizer::PipelineError;
use sizer::SpecError;
use sizer::calc::CalcError;
use sizer::cli::{error_text, exit_code};
use std::error::Error;

/// Exit code of what is invalid rather than failed.
const BAD_INPUT: u8 = 2;
/// Exit code of what failed.
const FAILED: u8 = 1;

/// Converts an error to the exception of its kind.
pub fn exception(py: Python<'_>, error: &(dyn Error + 'static)) -> PyErr {
    let code = exit_code(error);
    let made = raised(py, kind(error, code), error_text(error), code, place(error));
    made.unwrap_or_else(|failed| failed)
}

/// An exception for parameters that make no sense.
pub fn wrong_parameter(py: Python<'_>, message: String) -> PyErr {
    raised(py, "ParameterError", message, BAD_INPUT, None).unwrap_or_else(|failed| failed)
}

/// An exception for what should not happen.
pub fn failed(py: Python<'_>, message: String) -> PyErr {
    raised(py, "SizerError", message, FAILED, None).unwrap_or_else(|failed| failed)
}

fn raised(
    py: Python<'_>,
    kind: &str,
    message: String,
    code: u8,
    place: Option<(u64, u64)>,
) -> PyResult<PyErr> {
    let class = py.import("sizer.errors")?.getattr(kind)?;
    let value = match place {
        Some((line, column)) => class.call1((message, code, line, column))?,
        None => class.call1((message, code))?,
    };
    Ok(PyErr::from_value(value))
}

/// The name of an error's class.
fn kind(error: &(dyn Error + 'static), code: u8) -> &'static str {
    if error.is::<SpecError>() {
        return "SpecError";
    }
    if let Some(error) = error.downcast_ref::<CalcError>() {
        return match error {
            CalcError::Parameters(_) => "ParameterError",
            CalcError::Import(_) => "ConfigError",
            CalcError::Jobs(_) => "MissingError",
            CalcError::Scratch(_) => "StoreError",
            CalcError::NotInstalled { error, .. } | CalcError::Pipeline(error) => {
                of_pipeline(error, code)
            }
        };
    }
    error.downcast_ref().map_or("SizerError", |error| of_pipeline(error, code))
}

fn of_pipeline(error: &PipelineError, code: u8) -> &'static str {
    match error {
        PipelineError::Spec(_) => "SpecError",
        // The keys of a workflow, such as a reference to a variable that is not set.
        PipelineError::Connect(_) if code == BAD_INPUT => "SpecError",
        PipelineError::Dataset(_) => "DatasetError",
        PipelineError::Recording(_) => "RecordingError",
        PipelineError::Store(_) | PipelineError::Artifact { .. } => "StoreError",
        PipelineError::Connect(_) | PipelineError::Unreachable { .. } => "UnreachableError",
        PipelineError::Load { .. } => "LoadError",
        PipelineError::Cancelled { .. } => "Cancelled",
        PipelineError::NoSuchStage { .. } => "StageError",
        PipelineError::Missing { .. } => "MissingError",
        PipelineError::Report(_) => "ReportError",
        _ => "SizerError",
    }
}

/// The line and column of an error in a spec.
fn place(error: &(dyn Error + 'static)) -> Option<(u64, u64)> {
    if let Some(spec) = error.downcast_ref::<SpecError>() {
        return spec.line_column();
    }
    let pipeline = match error.downcast_ref() {
        Some(CalcError::Pipeline(pipeline)) => Some(pipeline),
        _ => error.downcast_ref(),
    };
    let Some(PipelineError::Spec(spec)) = pipeline else { return None };
    spec.line_column()
}
