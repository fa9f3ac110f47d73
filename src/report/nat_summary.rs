//! Summary as the reference calculator prints it, plus what it leaves out.

use super::format::{cell, significant};
use super::nat_calc_output::out_of_range;
use super::prose::{sentence, sentence_of};
use super::result::{LevelResult, SizingResult};
use crate::measure::{FailureCount, Metric};
use crate::sizing::{Estimate, Finding, Grade};
use comfy_table::{CellAlignment, Table, presets};
use std::fmt::Write;

/// Targets that the reference repeats above its table; 0 where one was not given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NatTargets {
    /// LLM latency limit in seconds.
    pub llm_latency: f64,
    /// Workflow runtime limit in seconds.
    pub workflow_runtime: f64,
    /// Concurrent users.
    pub users: u64,
    /// GPUs of the test rig.
    pub gpu_count: u32,
}

const METRICS: [(Metric, &str); 2] =
    [(Metric::WorkflowRuntime, "Workflow Runtime"), (Metric::LlmLatency, "LLM Latency")];

/// Renders the summary as plain text, with the columns and lines of version 1.9.0. Adds the runs out of range (OOR) of
/// each target, as versions before 1.2 did, the server's own runtime if the server reports one, and a reason for every
/// target without an estimate.
pub fn nat_summary(result: &SizingResult, targets: NatTargets) -> String {
    let NatTargets { llm_latency, workflow_runtime, users, gpu_count } = targets;
    let mut out = format!(
        "Targets: LLM Latency ≤ {llm_latency:?}s, Workflow Runtime ≤ {workflow_runtime:?}s, Users = {users}\n\
         Test parameters: GPUs = {gpu_count}\nPer concurrency results:\n"
    );
    let alerts: Vec<String> = result.levels.iter().map(|level| alerts(result, level)).collect();
    let has_alerts = alerts.iter().any(|alerts| !alerts.is_empty());
    if has_alerts {
        let busy = result.levels.iter().any(|level| level.host_limited());
        let busy = if busy { ", C = host of the workflow busy" } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "Alerts!: W = Workflow interrupted, L = LLM latency outlier, R = Workflow runtime outlier{busy}"
        );
    }
    let _ = writeln!(out, "{}", table(result, has_alerts.then_some(&alerts)));
    if result.estimates.iter().any(|estimate| estimate.answer.gpus().is_some()) {
        out += "\n=== GPU ESTIMATES ===\n";
    }
    for (metric, title) in METRICS {
        let Some(estimate) = result.estimates.iter().find(|it| it.target == metric) else {
            continue;
        };
        let _ = match (estimate.answer.gpus().and_then(|gpus| gpus.point), estimate.answer.reason())
        {
            (Some(gpus), _) => {
                writeln!(out, "Estimated GPU count ({title}): {gpus:.1}")
            }
            (None, Some(reason)) => {
                writeln!(out, "No GPU estimate ({title}): {}", sentence(reason))
            }
            (None, None) => Ok(()),
        };
    }
    out
}

/// Returns the reasons to rely less on the estimates, which the reference's summary has no place for: those of every
/// estimate that is weak or unsettled.
pub fn nat_doubts(result: &SizingResult) -> Vec<String> {
    let doubtful = |estimate: &'_ Estimate| estimate.grade.filter(|grade| *grade >= Grade::Weak);
    let mut doubts = Vec::new();
    for (estimate, grade) in result.estimates.iter().filter_map(|it| Some((it, doubtful(it)?))) {
        let metric = estimate.target;
        let of = |doubt| format!("{metric}: {grade}: {}", sentence_of(metric, doubt));
        doubts.extend(estimate.doubts.iter().map(of));
    }
    doubts
}

/// Returns why runs failed: for each kind of failure the level with the most, and the message of the first.
pub fn nat_failures(result: &SizingResult) -> Vec<String> {
    let mut worst: Vec<(&LevelResult, &FailureCount)> = Vec::new();
    for level in &result.levels {
        for failure in &level.failures {
            match worst.iter_mut().find(|(_, known)| known.kind == failure.kind) {
                Some(known) if known.1.count < failure.count => *known = (level, failure),
                Some(_) => {}
                None => worst.push((level, failure)),
            }
        }
    }
    let told = |(level, failure): (&LevelResult, &FailureCount)| {
        let FailureCount { kind, count, first_message, .. } = failure;
        format!(
            "At concurrency {}, {count} of {} runs failed ({}): {first_message}",
            level.concurrency, level.runs, kind
        )
    };
    worst.into_iter().map(told).collect()
}

/// Returns the notes of a result in the words of whoever gives flags and no spec.
pub fn nat_notes(result: &SizingResult) -> Vec<String> {
    let no_target = sentence(&Finding::NoTarget);
    let own = |note: &String| {
        if *note == no_target {
            "No target is set, so there is no estimate: give --target_workflow_runtime or --target_llm_latency, with \
             --target_users and --test_gpu_count."
                .to_owned()
        } else {
            note.clone()
        }
    };
    result.notes.iter().map(own).collect()
}

fn alerts(result: &SizingResult, level: &LevelResult) -> String {
    let is_outlier = |metric| result.fits.is_outlier(metric, level.concurrency);
    let letters: String = [
        (level.interrupted, 'W'),
        (is_outlier(Metric::LlmLatency), 'L'),
        (is_outlier(Metric::WorkflowRuntime), 'R'),
        (level.host_limited(), 'C'),
    ]
    .iter()
    .filter_map(|(holds, letter)| holds.then_some(*letter))
    .collect();
    if letters.is_empty() { letters } else { format!("!{letters}") }
}

fn table(result: &SizingResult, alerts: Option<&Vec<String>>) -> Table {
    type Cell<'a> = Box<dyn Fn(&LevelResult) -> Option<f64> + 'a>;
    let p95 =
        |metric| move |level: &LevelResult| Some(level.metric(metric).map_or(0.0, |it| it.p95));
    let rough = |metric| move |level: &LevelResult| level.rough_gpus.get(metric).copied();
    let over =
        |metric| move |level: &LevelResult| out_of_range(level, metric).map(|count| count as f64);
    let columns: [(&str, bool, Cell<'_>); 9] = [
        ("Concurrency", true, Box::new(|level| Some(f64::from(level.concurrency)))),
        ("p95 LLM Latency", true, Box::new(p95(Metric::LlmLatency))),
        ("p95 WF Runtime", true, Box::new(p95(Metric::WorkflowRuntime))),
        ("p95 Server Runtime", false, Box::new(|level| Some(level.server_runtime?.p95))),
        ("Total Runtime", true, Box::new(|level| Some(level.total_runtime))),
        ("LLM OOR", false, Box::new(over(Metric::LlmLatency))),
        ("Runtime OOR", false, Box::new(over(Metric::WorkflowRuntime))),
        ("GPUs (LLM Latency, Rough)", false, Box::new(rough(Metric::LlmLatency))),
        ("GPUs (WF Runtime, Rough)", false, Box::new(rough(Metric::WorkflowRuntime))),
    ];
    let shown = |(_, always, cell): &&(&str, bool, Cell<'_>)| {
        *always || result.levels.iter().any(|level| cell(level).is_some())
    };
    let columns: Vec<_> = columns.iter().filter(shown).collect();
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    let titles = columns.iter().map(|(title, ..)| *title);
    table.set_header(alerts.map(|_| "Alerts").into_iter().chain(titles));
    for (index, level) in result.levels.iter().enumerate() {
        let alert = alerts.map(|alerts| cell(alerts.get(index)));
        let cells = columns.iter().map(|(_, _, cell)| cell(level).map(significant));
        table.add_row(alert.into_iter().chain(cells.map(cell)));
    }
    for column in table.column_iter_mut().skip(usize::from(alerts.is_some())) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
