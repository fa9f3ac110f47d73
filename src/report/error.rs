//! Errors of reports.

use std::error::Error;

/// Error in a template.
#[derive(Debug, thiserror::Error)]
#[error("{path}{}: {message}", line.map_or_else(String::new, |line| format!(":{line}")))]
pub struct TemplateError {
    /// The template.
    pub path: String,
    /// One-based line.
    pub line: Option<usize>,
    /// Description of the error.
    pub message: String,
}

/// Error while a report is made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The template is wrong.
    #[error("{0}")]
    Template(#[from] TemplateError),
    /// The runs behind a level cannot be read.
    #[error("the runs at concurrency {concurrency} cannot be read: {error}")]
    Runs {
        /// The level.
        concurrency: u32,
        /// Underlying error.
        #[source]
        error: Box<dyn Error + Send + Sync>,
    },
    /// The result cannot be written in this format.
    #[error("{report}: {error}")]
    Format {
        /// The report.
        report: &'static str,
        /// Underlying error of the writer.
        #[source]
        error: Box<dyn Error + Send + Sync>,
    },
}

impl ReportError {
    pub(super) fn format(
        report: &'static str,
        error: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Format { report, error: error.into() }
    }
}
