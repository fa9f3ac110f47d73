//! Reports: everything that people and machines read, rendered from one result document.
//!
//! [`SizingResult`] is assembled from the level metrics, the fits and the assessment. Every report is
//! rendered from it, and a figure that is not in the result cannot be in a report. The one exception is
//! [`Material::runs`], a lazy lookup of the runs behind a level: the reference calculator's file lists every
//! item.
//!
//! - [`report()`] looks up the [`Report`] of a file name, which is either built in and registered in `built_in`
//!   (`summary.md`, `levels.csv`, `result.json`, `calc_runner_output.json`, two PNG plots and `steps.svg`) or rendered by
//!   minijinja from a [`UserTemplate`].
//! - [`terminal_summary`] is printed at the end of `sizer run`, [`nat_summary`] at the end of `sizer calc`.
//! - [`Comparison`] sets the branches of a matrix side by side, and [`WhatIf`] tabulates a grid of loads and
//!   limits.
//! - `prose` composes the sentences about answers and findings, so that they are the same in every
//!   report.
//!
//! # File formats
//!
//! `result.json` is the machine interface: [`result_schema`] is its JSON schema, published as
//! `docs/result.schema.json`. `levels.csv` has one row per level, with units in the column names. Templates
//! see `result`, `table`, `steps_table`, `gantt`, `gantt_svg`, `recommendation`, `sum` and `sizer_version`, and the filters `significant` and
//! `answer`.
//!
//! Nothing here reads files or the clock, apart from [`UserTemplate::read`]. The pipeline writes the reports
//! to `outputs.dir`.

mod built_in;
mod comparison;
mod error;
mod format;
mod gantt;
mod level_form;
mod levels_csv;
mod material;
mod nat_calc_output;
mod nat_summary;
mod plot;
mod prose;
mod result;
mod result_json;
mod servers;
mod steps_table;
mod table;
mod template;
mod terminal;
mod what_if;

pub use built_in::{built_in_reports, built_in_template, default_reports};
pub use comparison::{
    ComparedAlternative, ComparedBranch, ComparedSet, ComparedTargets, Comparison,
};
pub use error::{ReportError, TemplateError};
pub use material::{AddedReport, Material, Report, RunsLookup};
pub use nat_summary::{NatTargets, nat_doubts, nat_failures, nat_notes, nat_summary};
pub use prose::{sentence, sentence_of};
pub use result::{LevelResult, SizingResult, SpecIdentity, result_schema};
pub use terminal::terminal_summary;
pub use what_if::{CaseLimit, WhatIf, WhatIfCase};

use built_in::built_in;
use std::io::Read;
use std::path::Path;

/// Looks up a report by its file name; a user's template takes precedence over a built-in report.
///
/// Returns `None` if the name is not a built-in report and no template is given.
pub fn report(name: &str, template: Option<UserTemplate>) -> Option<Box<dyn Report>> {
    match template {
        Some(UserTemplate { path, text }) => {
            Some(Box::new(template::Template { report: name.to_owned(), path, text }))
        }
        None => built_in(name).map(|built_in| (built_in.report)()),
    }
}

/// Text of a template named in the spec.
#[derive(Clone, Debug)]
pub struct UserTemplate {
    /// Path of the template, for error messages.
    pub path: String,
    /// Source text.
    pub text: String,
}

impl UserTemplate {
    /// Reads a template. On failure, returns a sentence that names the file.
    pub fn read(path: &Path) -> Result<Self, String> {
        const LARGEST: u64 = 4 << 20;
        let shown = path.display().to_string();
        let unreadable =
            |error: std::io::Error| format!("the template {shown} cannot be read: {error}");
        let mut text = String::new();
        // The size of a device or a pipe is not known in advance.
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(LARGEST + 1).read_to_string(&mut text).map_err(unreadable)?;
        if text.len() as u64 > LARGEST {
            return Err(format!("the template {shown} is larger than 4 MiB"));
        }
        Ok(Self { path: shown, text })
    }
}
