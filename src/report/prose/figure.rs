//! Figures of a metric, in its unit.

use super::digits::three;
use crate::measure::{Metric, Scope};

/// Formats the figure of a metric behind which there is a time in seconds, with `decimals` if it is
/// a time itself.
pub(super) fn fixed(metric: Metric, seconds: f64, decimals: usize) -> String {
    if metric.is_rate() { figure(metric, seconds) } else { format!("{seconds:.decimals$} s") }
}

/// Names what a metric has a figure of.
pub(super) fn plural(scope: Scope) -> &'static str {
    match scope {
        Scope::Run => "runs",
        Scope::Call => "calls",
    }
}

/// Formats the figure of a metric behind which there is a time in seconds, with three digits.
pub(super) fn figure(metric: Metric, seconds: f64) -> String {
    format!("{} {}", three(metric.of_seconds(seconds)), metric.unit())
}
