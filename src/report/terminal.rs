//! The summary on the terminal: the table, the estimates, the answer.

use super::format::significant;
use super::result::SizingResult;
use super::table::levels_table;
use crate::measure::Metric;
use crate::sizing::{Estimate, Fit, Recommendation};
use std::fmt::Write;

/// The summary in plain text.
pub fn terminal_summary(result: &SizingResult) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_summary(&mut out, result);
    out
}

fn write_summary(out: &mut String, result: &SizingResult) -> std::fmt::Result {
    writeln!(out, "{}", result.spec.name)?;
    for (holds, meaning) in [
        (
            result.levels.iter().any(|it| it.interrupted),
            "W = runs failed, the level is left out of the fits",
        ),
        (
            result.levels.iter().any(|it| it.client_limited),
            "C = this machine was too busy, the times are not the server's alone",
        ),
    ] {
        if holds {
            writeln!(out, "Alerts: !{meaning}")?;
        }
    }
    writeln!(out, "{}", levels_table(result))?;
    for level in result.levels.iter().filter(|level| level.interrupted) {
        for failure in &level.failures {
            writeln!(
                out,
                "!W concurrency {}: {} of {} runs: {}: {}",
                level.concurrency, failure.count, level.runs, failure.kind, failure.first_message
            )?;
        }
    }
    writeln!(out)?;
    for (metric, fit) in [
        (Metric::WorkflowRuntime, &result.fits.workflow_runtime),
        (Metric::LlmLatency, &result.fits.llm_latency),
    ] {
        if let Some(fit) = fit.as_ref().filter(|_| result.uses_lines()) {
            writeln!(out, "p95 {metric} = {}", fit_line(fit))?;
        }
    }
    if !result.estimates.is_empty() {
        writeln!(out, "\n=== GPU ESTIMATES ===")?;
    }
    for estimate in &result.estimates {
        writeln!(out, "{}", estimate_line(estimate))?;
    }
    if let Some(line) = recommended_line(&result.gpus) {
        writeln!(out, "{line}")?;
    }
    for alternative in &result.alternatives {
        writeln!(out, "\n=== {} ===", alternative.name)?;
        for estimate in &alternative.estimates {
            writeln!(out, "{}", estimate_line(estimate))?;
        }
        if let Some(line) = recommended_line(&alternative.gpus) {
            writeln!(out, "{line}")?;
        }
    }
    if !result.notes.is_empty() {
        writeln!(out)?;
    }
    for note in &result.notes {
        writeln!(out, "note: {note}")?;
    }
    Ok(())
}

fn recommended_line(gpus: &Recommendation) -> Option<String> {
    let recommended = gpus.recommended?;
    let decided_by = gpus.decided_by.map(|metric| format!(" (decided by the {metric} target)"));
    let cost = gpus.cost_per_hour.map(|cost| format!(", {cost:.2} per hour"));
    let (decided_by, cost) = (decided_by.unwrap_or_default(), cost.unwrap_or_default());
    Some(format!("Recommended: {recommended} GPUs{cost}{decided_by}"))
}

fn fit_line(fit: &Fit) -> String {
    let outliers = match fit.outliers.as_slice() {
        [] => String::new(),
        outliers => {
            let list: Vec<String> = outliers.iter().map(ToString::to_string).collect();
            format!(
                ", without the outlier{} {}",
                if list.len() == 1 { "" } else { "s" },
                list.join(", ")
            )
        }
    };
    format!(
        "{} s + {} s × concurrency (R² {:.5}{outliers})",
        significant(fit.intercept),
        significant(fit.slope),
        fit.r_squared
    )
}

fn estimate_line(estimate: &Estimate) -> String {
    let Estimate { target, quantile, limit, .. } = estimate;
    let aim = format!("{quantile} {target} ≤ {} s", significant(*limit));
    let users = load_words(estimate);
    let capacity = estimate.capacity.map(|capacity| {
        let range = range(capacity.low, capacity.high, significant);
        format!("; the test rig carries {}{range}", significant(capacity.point))
    });
    let capacity = capacity.unwrap_or_default();
    match (&estimate.gpus, &estimate.reason) {
        (Some(gpus), _) => {
            // Whole replicas have no decimals.
            let count = |gpus: f64| {
                let whole = estimate.confidence.is_some();
                if whole { format!("{gpus:.0}") } else { format!("{gpus:.1}") }
            };
            let confidence = estimate.confidence.map(|it| format!(" with {:.0} %", it * 100.0));
            let range = range(gpus.low, gpus.high, count);
            let confidence = confidence.unwrap_or_default();
            format!("{aim}{users}: {} GPUs{range}{confidence}{capacity}", count(gpus.point))
        }
        (None, Some(reason)) => format!("{aim}{users}: no estimate: {reason}{capacity}"),
        (None, None) => format!("{aim}{users}: no estimate"),
    }
}

/// ` for 50 users`, or whatever the load is.
fn load_words(estimate: &Estimate) -> String {
    match (estimate.users, estimate.think_time, estimate.request_rate) {
        (Some(users), None, _) => format!(" for {users} users"),
        (Some(users), Some(think), _) => {
            format!(" for {users} users who think {} s", significant(think))
        }
        (None, _, Some(rate)) => format!(" for {} runs per second", significant(rate)),
        (None, _, None) => String::new(),
    }
}

/// ` (from to)`, where both ends are known.
fn range(low: Option<f64>, high: Option<f64>, shown: impl Fn(f64) -> String) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!(" ({} to {})", shown(low), shown(high)),
        _ => String::new(),
    }
}
