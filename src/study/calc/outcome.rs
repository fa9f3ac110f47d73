//! The outcome of a calculation, and its errors.

use crate::nat::ImportError;
use crate::report::{ReportError, SizingResult};
use crate::spec::SpecError;
use crate::store::StoreError;
use crate::study::PipelineError;
use std::path::{Path, PathBuf};

/// The outcome of a calculation.
#[derive(Debug)]
pub struct CalcOutcome {
    /// The figures.
    pub result: SizingResult,
    /// The job folder that they were written to; `None` if none was given.
    pub job: Option<PathBuf>,
}

/// The reason why there is no outcome.
#[derive(Debug, thiserror::Error)]
pub enum CalcError {
    /// Parameters that make no sense, alone or together.
    #[error("{0}")]
    Parameters(String),
    /// The configuration cannot be used.
    #[error("{0}")]
    Import(#[from] ImportError),
    /// The metrics of earlier jobs cannot be used.
    #[error("{0}")]
    Jobs(String),
    /// There is no folder to work in.
    #[error("no temporary folder can be made: {0}")]
    Scratch(#[source] std::io::Error),
    /// The toolkit that runs the workflow is not there.
    #[error("{error}{}", continuation(written.as_deref()))]
    NotInstalled {
        /// The error, with its remedy.
        #[source]
        error: PipelineError,
        /// The spec that was written instead; `None` without a folder to write it to.
        written: Option<PathBuf>,
    },
    /// The pipeline failed.
    #[error("{0}")]
    Pipeline(#[from] PipelineError),
}

fn continuation(written: Option<&Path>) -> String {
    match written {
        Some(spec) => {
            format!(". An equivalent spec is in {0}: run it with `sizer run {0}`", spec.display())
        }
        None => ". --emit-spec FILE writes an equivalent spec".to_owned(),
    }
}

impl From<SpecError> for CalcError {
    fn from(error: SpecError) -> Self {
        Self::Pipeline(error.into())
    }
}

impl From<StoreError> for CalcError {
    fn from(error: StoreError) -> Self {
        Self::Pipeline(error.into())
    }
}

impl From<ReportError> for CalcError {
    fn from(error: ReportError) -> Self {
        Self::Pipeline(error.into())
    }
}
