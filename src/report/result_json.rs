//! `result.json`: the result document itself.

use super::{Material, Report, ReportError};

/// Report `result.json`.
pub(super) struct ResultJson;

impl Report for ResultJson {
    fn render(&self, material: &Material<'_>) -> Result<Vec<u8>, ReportError> {
        let result = material.result;
        let failed = |error| ReportError::format("result.json", error);
        let mut text = serde_json::to_vec_pretty(result).map_err(failed)?;
        text.push(b'\n');
        Ok(text)
    }
}
