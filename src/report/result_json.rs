//! `result.json`: the result document itself.

use super::material::BuiltIn;
use super::{Material, Report, ReportError};

pub(super) const RESULT: BuiltIn =
    BuiltIn { name: NAME, is_default: true, template: None, report: || Box::new(ResultJson) };

const NAME: &str = "result.json";

/// Report `result.json`.
struct ResultJson;

impl Report for ResultJson {
    fn render(&self, material: &Material<'_>) -> Result<Vec<u8>, ReportError> {
        let result = material.result;
        let failed = |error| ReportError::format(NAME, error);
        let mut text = serde_json::to_vec_pretty(result).map_err(failed)?;
        text.push(b'\n');
        Ok(text)
    }
}
