//! `result.json`: the result itself.

use super::{Material, Report, ReportError};

/// The result as JSON.
pub(super) struct ResultJson;

impl Report for ResultJson {
    fn render(&self, material: &Material<'_>) -> Result<Vec<u8>, ReportError> {
        let result = material.result;
        let failed = |error: serde_json::Error| ReportError::Format {
            report: "result.json",
            message: error.to_string(),
        };
        let mut text = serde_json::to_vec_pretty(result).map_err(failed)?;
        text.push(b'\n');
        Ok(text)
    }
}
