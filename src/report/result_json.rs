//! `result.json`: the result document itself.

use super::material::BuiltIn;
use super::{Material, Report, ReportError, SizingResult};
use crate::redact::printable;

pub(super) const RESULT: BuiltIn =
    BuiltIn { name: NAME, is_default: true, template: None, report: || Box::new(ResultJson) };

const NAME: &str = "result.json";

/// Report `result.json`.
struct ResultJson;

impl Report for ResultJson {
    fn render(&self, material: &Material<'_>) -> Result<Vec<u8>, ReportError> {
        Ok(material.result.to_json()?.into_bytes())
    }
}

impl SizingResult {
    /// Renders the document as it is in `result.json`, with control characters escaped.
    pub fn to_json(&self) -> Result<String, ReportError> {
        let failed = |error| ReportError::format(NAME, error);
        let text = serde_json::to_string_pretty(self).map_err(failed)?;
        Ok(format!("{}\n", printable(&text)))
    }
}
