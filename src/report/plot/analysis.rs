//! Plot of each p95 with its trend line, outliers and target.

use super::panel::{Layer, LayerStyle, Panel};
use super::picture::draw;
use super::points::points;
use super::style::{LATENCY_COLOUR, RUNTIME_COLOUR};
use crate::measure::{Metric, Quantile};
use crate::report::format::significant;
use crate::report::material::BuiltIn;
use crate::report::{LevelResult, Material, Report, ReportError, SizingResult};
use plotters::style::RGBColor;

pub(in crate::report) const ANALYSIS: BuiltIn =
    BuiltIn { name: NAME, is_default: false, template: None, report: || Box::new(Analysis) };

const NAME: &str = "concurrency_vs_p95_analysis.png";

const TREND_COLOUR: RGBColor = RGBColor(0xd9, 0x5f, 0x02);
const TARGET_COLOUR: RGBColor = RGBColor(0xc0, 0x10, 0x10);
const OUTLIER_COLOUR: RGBColor = RGBColor(0xb0, 0x10, 0x60);
const FAILED_COLOUR: RGBColor = RGBColor(0x80, 0x80, 0x80);

/// Report `concurrency_vs_p95_analysis.png`.
struct Analysis;

impl Report for Analysis {
    fn render(&self, material: &Material<'_>) -> Result<Vec<u8>, ReportError> {
        let result = material.result;
        let panels: Vec<Panel> = [
            panel(result, Metric::LlmLatency, LATENCY_COLOUR),
            panel(result, Metric::WorkflowRuntime, RUNTIME_COLOUR),
        ]
        .into_iter()
        .flatten()
        .collect();
        let width = 1200 * u32::try_from(panels.len().max(1)).unwrap_or(1);
        draw(NAME, (width, 900), &panels)
    }
}

/// Builds the panel of a metric; `None` if no level has a value for it.
fn panel(result: &SizingResult, metric: Metric, colour: RGBColor) -> Option<Panel> {
    let fit = result.fits.get(metric);
    let is_outlier = |level: &LevelResult| result.fits.is_outlier(metric, level.concurrency);
    let kept = points(result, metric, |level| !level.interrupted && !is_outlier(level));
    let outliers = points(result, metric, |level| !level.interrupted && is_outlier(level));
    let failed = points(result, metric, |level| level.interrupted);
    if kept.is_empty() && failed.is_empty() {
        return None;
    }
    let span = || kept.iter().chain(&outliers).chain(&failed).map(|(x, _)| *x);
    let (from, to) = (span().fold(f64::INFINITY, f64::min), span().fold(0.0, f64::max));
    let layer = |style, colour, label: String, points| Layer { style, colour, label, points };
    let mut layers = vec![layer(LayerStyle::Dots, colour, "measured".into(), kept)];
    if !outliers.is_empty() {
        let list: Vec<String> = outliers.iter().map(|(x, _)| significant(*x)).collect();
        let label = format!("left out as outliers: {}", list.join(", "));
        layers.push(layer(LayerStyle::Crosses, OUTLIER_COLOUR, label, outliers));
    }
    if !failed.is_empty() {
        layers.push(layer(
            LayerStyle::Crosses,
            FAILED_COLOUR,
            "runs failed, left out".into(),
            failed,
        ));
    }
    if let Some(fit) = fit {
        let at = |x: f64| (x, fit.intercept + fit.slope * x);
        let label = format!("trend: slope {:.4}, R² {:.3}", fit.slope, fit.r_squared);
        layers.push(layer(LayerStyle::Dashed, TREND_COLOUR, label, vec![at(from), at(to)]));
    }
    let mut targets = result.estimates.iter();
    let target = targets.find(|it| it.target == metric && it.quantile == Quantile::P95);
    if let Some(target) = target {
        let label = format!("target: {} s", significant(target.limit));
        let ends = vec![(from, target.limit), (to, target.limit)];
        layers.push(layer(LayerStyle::Dotted, TARGET_COLOUR, label, ends));
    }
    let missing = if fit.is_none() { " (no fit)" } else { "" };
    Some(Panel {
        title: format!("p95 {metric} against concurrency{missing}"),
        y_label: format!("p95 {metric} (s)"),
        layers,
    })
}
