//! Table of levels, in the reference's layout.

use super::format::{cell, significant};
use super::result::{LevelResult, SizingResult};
use crate::measure::{Metric, Summary};
use comfy_table::{CellAlignment, Table, presets};

/// Renders the table of levels in Markdown, with an `Alerts` column only if there is an alert.
pub(super) fn levels_table(result: &SizingResult) -> String {
    let columns = columns(result);
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(columns.iter().map(|column| column.title.as_str()));
    for level in &result.levels {
        table.add_row(columns.iter().map(|column| (column.cell)(level)));
    }
    for (index, column) in columns.iter().enumerate() {
        let alignment =
            if column.title == "Alerts" { CellAlignment::Left } else { CellAlignment::Right };
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(alignment);
        }
    }
    table.to_string()
}

struct Column {
    title: String,
    cell: Box<dyn Fn(&LevelResult) -> String>,
}

fn column(title: &str, cell: impl Fn(&LevelResult) -> String + 'static) -> Column {
    Column { title: title.to_owned(), cell: Box::new(cell) }
}

fn columns(result: &SizingResult) -> Vec<Column> {
    let any = |wanted: &dyn Fn(&LevelResult) -> bool| result.levels.iter().any(wanted);
    let mut columns = Vec::new();
    if any(&|level| !level.alerts().is_empty()) {
        columns.push(column("Alerts", LevelResult::alerts));
    }
    columns.push(column("Concurrency", |level| level.concurrency.to_string()));
    columns.push(column("p95 LLM Latency", |level| p95(level.llm_latency.as_ref())));
    columns.push(column("p95 WF Runtime", |level| p95(level.workflow_runtime.as_ref())));
    columns.push(column("Total Runtime", |level| {
        // Of a level without a run to time, there is none.
        let timed = level.workflow_runtime.is_some();
        cell(timed.then(|| significant(level.total_runtime)))
    }));
    let metrics = [(Metric::LlmLatency, "LLM Latency"), (Metric::WorkflowRuntime, "WF Runtime")];
    for (metric, short) in
        [(Metric::LlmLatency, "LLM Latency OOR"), (Metric::WorkflowRuntime, "Runtime OOR")]
    {
        if any(&|level| level.over_target.get(metric).is_some_and(|count| *count > 0)) {
            columns.push(column(short, move |level| text(level.over_target.get(metric).copied())));
        }
    }
    for (metric, short) in metrics {
        if any(&|level| level.rough_gpus.get(metric).is_some()) {
            let title = format!("GPUs ({short}, Rough)");
            columns.push(column(&title, move |level| {
                cell(level.rough_gpus.get(metric).copied().map(significant))
            }));
        }
    }
    columns
}

fn p95(summary: Option<&Summary>) -> String {
    cell(summary.map(|summary| significant(summary.p95)))
}

fn text(value: Option<u64>) -> String {
    cell(value)
}
