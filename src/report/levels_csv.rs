//! `levels.csv`: one row per level.

use super::format::cell;
use super::material::BuiltIn;
use super::{Material, Report, ReportError};
use crate::measure::{Metric, Quantile};
use crate::report::result::LevelResult;

pub(super) const LEVELS: BuiltIn =
    BuiltIn { name: NAME, is_default: true, template: None, report: || Box::new(LevelsCsv) };

const NAME: &str = "levels.csv";

/// The levels as a table for spreadsheets and data frames.
struct LevelsCsv;

impl Report for LevelsCsv {
    fn render(&self, material: &Material<'_>) -> Result<Vec<u8>, ReportError> {
        let result = material.result;
        let mut writer = csv::Writer::from_writer(Vec::new());
        let metrics = result.shown_metrics();
        let rows = result.levels.iter().map(|level| row(level, &metrics));
        let rows = std::iter::once(header(&metrics)).chain(rows);
        for row in rows {
            writer.write_record(row).map_err(|error| ReportError::format(NAME, error))?;
        }
        writer.into_inner().map_err(|error| ReportError::format(NAME, error.into_error()))
    }
}

fn header(metrics: &[Metric]) -> Vec<String> {
    let mut names: Vec<String> =
        ["concurrency", "runs", "measured", "failed", "interrupted", "client_limited"]
            .map(str::to_owned)
            .to_vec();
    for metric in metrics {
        let key = metric.key();
        if metric.is_rate() {
            let name = |quantile: &Quantile| format!("{key}_{}", metric.quantile(*quantile));
            names.extend(Quantile::ALL.iter().map(name));
        } else {
            names.push(format!("{key}_mean_s"));
            names.extend(Quantile::ALL.iter().map(|quantile| format!("{key}_{quantile}_s")));
        }
    }
    names.extend(
        ["total_runtime_s", "throughput_per_s", "goodput_per_s", "mean_in_flight"]
            .map(str::to_owned),
    );
    names.extend(metrics.iter().map(|metric| format!("over_target_{}", metric.key())));
    names.extend(Metric::MAIN.iter().map(|metric| format!("rough_gpus_{}", metric.key())));
    names
}

fn row(level: &LevelResult, metrics: &[Metric]) -> Vec<String> {
    let mut cells = vec![
        level.concurrency.to_string(),
        level.runs.to_string(),
        level.measured.to_string(),
        level.failed.to_string(),
        level.interrupted.to_string(),
        level.client_limited.to_string(),
    ];
    for &metric in metrics {
        if !metric.is_rate() {
            cells.push(cell(level.metric(metric).map(|summary| summary.mean)));
        }
        let figure = |quantile: &Quantile| cell(level.figure(metric, *quantile));
        cells.extend(Quantile::ALL.iter().map(figure));
    }
    cells.push(level.total_runtime.to_string());
    cells.push(level.throughput.to_string());
    cells.push(cell(level.goodput));
    cells.push(level.mean_in_flight.to_string());
    cells.extend(metrics.iter().map(|metric| cell(level.over_target.get(*metric))));
    cells.extend(Metric::MAIN.iter().map(|metric| cell(level.rough_gpus.get(*metric))));
    cells
}
