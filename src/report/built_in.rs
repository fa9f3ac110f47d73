//! The registry of built-in reports.

use super::material::BuiltIn;

/// Reports in the order in which messages and the schema list them.
const BUILT_IN: &[&BuiltIn] = &[
    &super::template::SUMMARY,
    &super::levels_csv::LEVELS,
    &super::result_json::RESULT,
    &super::nat_calc_output::CALC_OUTPUT,
    &super::plot::SIMPLE,
    &super::plot::ANALYSIS,
    &super::gantt::STEPS,
];

/// Returns the names of the built-in reports.
pub fn built_in_reports() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().copied().map(|report| report.name)
}

/// Returns the names of the reports that are written by default.
pub fn default_reports() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().copied().filter(|report| report.is_default).map(|report| report.name)
}

/// Returns the source of the template behind a built-in report, if it has one.
pub fn built_in_template(name: &str) -> Option<&'static str> {
    built_in(name)?.template
}

pub(super) fn built_in(name: &str) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().copied().find(|report| report.name == name)
}
