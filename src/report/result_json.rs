//! `result.json`: the result itself.

use super::{Report, ReportError, SizingResult};

/// The result as JSON.
pub(super) struct ResultJson;

impl Report for ResultJson {
    fn render(&self, result: &SizingResult) -> Result<Vec<u8>, ReportError> {
        let failed = |error: serde_json::Error| ReportError::Format {
            report: "result.json",
            message: error.to_string(),
        };
        let mut text = serde_json::to_vec_pretty(result).map_err(failed)?;
        text.push(b'\n');
        Ok(text)
    }
}
