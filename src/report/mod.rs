//! What people and machines read: one file per report, and the result behind all of them.

mod comparison;
mod format;
mod levels_csv;
mod nat_calc_output;
mod nat_summary;
mod plot;
mod prose;
mod result;
mod result_json;
mod servers;
mod table;
mod template;
mod terminal;
mod what_if;

pub use comparison::{ComparedBranch, ComparedTargets, Comparison};
pub use nat_calc_output::calc_output;
pub use nat_summary::{NatTargets, nat_summary};
pub use result::{LevelResult, SizingResult, SpecIdentity, result_schema};
pub use template::TemplateError;
pub use terminal::terminal_summary;
pub use what_if::{CaseLimit, WhatIf, WhatIfCase};

use crate::measure::Run;
use std::error::Error;
use std::io::Read;
use std::path::Path;

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The template is wrong.
    #[error("{0}")]
    Template(#[from] TemplateError),
    /// The runs behind a level cannot be read.
    #[error("the runs at concurrency {concurrency} cannot be read: {error}")]
    Runs {
        /// The level.
        concurrency: u32,
        /// What happened.
        #[source]
        error: Box<dyn Error + Send + Sync>,
    },
    /// The result cannot be written in this format.
    #[error("{report}: {error}")]
    Format {
        /// The report.
        report: &'static str,
        /// What the writer said.
        #[source]
        error: Box<dyn Error + Send + Sync>,
    },
}

impl ReportError {
    fn format(report: &'static str, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Format { report, error: error.into() }
    }
}

/// What reports are made of.
pub struct Material<'a> {
    /// The figures.
    pub result: &'a SizingResult,
    /// The runs at a concurrency, for the few reports that go beyond the figures.
    pub runs: &'a RunsAt<'a>,
}

/// Looks up the runs at a concurrency.
pub type RunsAt<'a> = dyn Fn(u32) -> Result<Vec<Run>, ReportError> + 'a;

/// One way to write a result down.
pub trait Report {
    /// The report's bytes.
    fn render(&self, material: &Material<'_>) -> Result<Vec<u8>, ReportError>;
}

/// A report by its file name, from the user's template where there is one.
///
/// `None` where the name is not a built-in report and no template is given.
pub fn report(name: &str, template: Option<UserTemplate>) -> Option<Box<dyn Report>> {
    Some(match (name, template) {
        (_, Some(UserTemplate { path, text })) => {
            Box::new(template::Template { report: name.to_owned(), path, text })
        }
        ("summary.md", None) => Box::new(template::Template::built_in(name, template::SUMMARY)),
        ("levels.csv", None) => Box::new(levels_csv::LevelsCsv),
        ("result.json", None) => Box::new(result_json::ResultJson),
        (nat_calc_output::NAME, None) => Box::new(nat_calc_output::NatCalcOutput),
        (plot::SIMPLE, None) => Box::new(plot::Simple),
        (plot::ANALYSIS, None) => Box::new(plot::Analysis),
        _ => return None,
    })
}

/// The text of a template that the spec names.
#[derive(Clone, Debug)]
pub struct UserTemplate {
    /// Its path, for errors.
    pub path: String,
    /// Its text.
    pub text: String,
}

impl UserTemplate {
    /// Reads a template. The error is a sentence that names the file.
    pub fn read(path: &Path) -> Result<Self, String> {
        const LARGEST: u64 = 4 << 20;
        let shown = path.display().to_string();
        let unreadable =
            |error: std::io::Error| format!("the template {shown} cannot be read: {error}");
        let mut text = String::new();
        // What a device or a pipe holds is not known before.
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(LARGEST + 1).read_to_string(&mut text).map_err(unreadable)?;
        if text.len() as u64 > LARGEST {
            return Err(format!("the template {shown} is larger than 4 MiB"));
        }
        Ok(Self { path: shown, text })
    }
}

/// The text of the template behind a built-in report, if there is one.
pub fn built_in_template(name: &str) -> Option<&'static str> {
    (name == "summary.md").then_some(template::SUMMARY)
}
