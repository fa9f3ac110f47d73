//! The report `levels.txt`: a line per level.

use sizer::{Material, Report, ReportError};

/// The report.
pub struct LevelsTxt;

impl Report for LevelsTxt {
    fn render(&self, material: &Material<'_>) -> Result<Vec<u8>, ReportError> {
        let lines = material.result.levels.iter().map(|level| {
            let p95 = level.workflow_runtime.as_ref().map_or(f64::NAN, |runtime| runtime.p95);
            format!("{} in flight: {} runs, p95 {p95:.3} s\n", level.concurrency, level.measured)
        });
        Ok(lines.collect::<String>().into_bytes())
    }
}
