//! Input of the reports, and the trait behind them.

use super::{ReportError, SizingResult};
use crate::measure::{LevelMetrics, Run};
use std::fmt;
use std::sync::Arc;

/// Input of a report.
pub struct Material<'a> {
    /// The figures.
    pub result: &'a SizingResult,
    /// Lookup of the runs of a level, for the few reports that go beyond the figures.
    pub runs: &'a RunsLookup<'a>,
}

/// Function that looks up the runs of a level.
pub type RunsLookup<'a> = dyn Fn(&LevelMetrics) -> Result<Vec<Run>, ReportError> + 'a;

/// One way of writing a result down.
pub trait Report {
    /// Renders the report to bytes.
    fn render(&self, material: &Material<'_>) -> Result<Vec<u8>, ReportError>;

    /// True for a report that reads runs, and not only the result.
    fn reads_runs(&self) -> bool {
        false
    }
}

/// A report that a program adds, with the version of what it writes. What another version wrote is written again.
#[derive(Clone)]
pub struct AddedReport {
    /// File name.
    pub name: String,
    /// Version of its form.
    pub version: u32,
    /// Its renderer.
    pub report: Arc<dyn Report + Send + Sync>,
}

impl fmt::Debug for AddedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, version, report: _ } = self;
        f.debug_struct("AddedReport").field("name", name).field("version", version).finish()
    }
}

/// Report that needs no template of the user's.
pub(super) struct BuiltIn {
    /// File name.
    pub name: &'static str,
    /// True if it is written unless the spec names others.
    pub is_default: bool,
    /// Template that it is rendered from, if it is.
    pub template: Option<&'static str>,
    /// Makes its renderer.
    pub report: fn() -> Box<dyn Report>,
}
