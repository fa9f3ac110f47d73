//! Summary on the terminal: table, estimates and recommendation.

use super::format::significant;
use super::prose::{estimate_line, recommendation, sentence_of, sum_line};
use super::result::{LevelResult, SizingResult};
use super::table::levels_table;
use crate::measure::Metric;
use crate::sizing::{Estimate, Fit, Recommendation};
use std::fmt::Write;

/// Renders the summary as plain text.
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
            result.levels.iter().any(LevelResult::tolerates_failures),
            "F = runs failed, no more than are tolerated: the times are those of the others",
        ),
        (
            result.levels.iter().any(LevelResult::is_machine_limited),
            "C = this machine was too busy, the times are not the server's alone",
        ),
    ] {
        if holds {
            writeln!(out, "Alerts: !{meaning}")?;
        }
    }
    writeln!(out, "{}", levels_table(result))?;
    for level in result.levels.iter().filter(|level| level.failed > 0) {
        let alert = if level.interrupted { 'W' } else { 'F' };
        for failure in &level.failures {
            writeln!(
                out,
                "!{alert} concurrency {}: {} of {} runs: {}: {}",
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
    write_answer(out, &result.estimates, &result.gpus)?;
    for alternative in &result.alternatives {
        writeln!(out, "\n=== {} ===", alternative.name)?;
        write_answer(out, &alternative.estimates, &alternative.gpus)?;
    }
    if !result.notes.is_empty() {
        writeln!(out)?;
    }
    for note in &result.notes {
        writeln!(out, "note: {note}")?;
    }
    Ok(())
}

/// Writes the estimates with their doubts, and the recommendation.
fn write_answer(
    out: &mut String,
    estimates: &[Estimate],
    gpus: &Recommendation,
) -> std::fmt::Result {
    for estimate in estimates {
        writeln!(out, "{}", estimate_line(estimate))?;
        for doubt in &estimate.doubts {
            writeln!(out, "  - {}", sentence_of(estimate.target, doubt))?;
        }
    }
    if let Some(line) = recommendation(gpus, estimates) {
        writeln!(out, "{line}")?;
    }
    if let Some(line) = sum_line(gpus, estimates) {
        writeln!(out, "  {line}")?;
    }
    if let Some(command) = &gpus.next {
        writeln!(out, "Next: `{command}`")?;
    }
    Ok(())
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
