//! What reports are made of, and what makes them.

use super::{ReportError, SizingResult};
use crate::measure::Run;

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
