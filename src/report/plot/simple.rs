//! Plot of the LLM latency and workflow runtime p95s against concurrency.

use super::panel::{Layer, LayerStyle, Panel};
use super::picture::draw;
use super::points::points;
use super::style::{LATENCY_COLOUR, RUNTIME_COLOUR};
use crate::measure::Metric;
use crate::report::material::BuiltIn;
use crate::report::{Material, Report, ReportError};

pub(in crate::report) const SIMPLE: BuiltIn =
    BuiltIn { name: NAME, is_default: false, template: None, report: || Box::new(Simple) };

const NAME: &str = "concurrency_vs_p95_simple.png";

/// Report `concurrency_vs_p95_simple.png`.
struct Simple;

impl Report for Simple {
    fn render(&self, material: &Material<'_>) -> Result<Vec<u8>, ReportError> {
        let layer = |metric, style, colour, label: &str| Layer {
            style,
            colour,
            label: label.to_owned(),
            points: points(material.result, metric, |level| !level.interrupted),
        };
        let layers = [
            layer(Metric::LlmLatency, LayerStyle::LineWithDots, LATENCY_COLOUR, "p95 LLM latency"),
            layer(
                Metric::WorkflowRuntime,
                LayerStyle::LineWithSquares,
                RUNTIME_COLOUR,
                "p95 workflow runtime",
            ),
        ];
        let panel = Panel {
            title: "p95 LLM latency and workflow runtime against concurrency".into(),
            y_label: "Time (s)".into(),
            layers: layers.into_iter().filter(|layer| !layer.points.is_empty()).collect(),
        };
        draw(NAME, (1600, 900), &[panel])
    }
}
