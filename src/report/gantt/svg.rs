//! Charts as a picture that browsers and pages of Markdown show.

use super::chart::{Bar, Chart, charts};
use crate::measure::StepKind;
use crate::report::material::BuiltIn;
use crate::report::{Material, Report, ReportError};
use std::fmt::Write;

pub(in crate::report) const STEPS: BuiltIn =
    BuiltIn { name: "steps.svg", is_default: false, template: None, report: || Box::new(Steps) };

/// Report `steps.svg`.
struct Steps;

impl Report for Steps {
    fn render(&self, material: &Material<'_>) -> Result<Vec<u8>, ReportError> {
        Ok(svg(&charts(material.result)).into_bytes())
    }
}

const WIDTH: f64 = 1100.0;
const LEFT: f64 = 330.0;
/// End of the time axis; times of bars stand behind it.
const RIGHT: f64 = 950.0;
const ROW: f64 = 22.0;
const TITLE: f64 = 44.0;
const INDENT: f64 = 12.0;
const DEEPEST: usize = 12;
const MOST_TICKS: u32 = 5;
/// Longest name that has room, in characters.
const LONGEST_NAME: usize = 36;

/// Draws charts below each other.
pub(in crate::report) fn svg(charts: &[Chart]) -> String {
    let mut drawn = String::new();
    let mut top = 8.0;
    for chart in charts {
        top += draw(&mut drawn, chart, top);
    }
    if charts.is_empty() {
        text(&mut drawn, (16.0, 28.0), "", "no steps were reported");
        top = 48.0;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{top}\" viewBox=\"0 0 {WIDTH} {top}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{top}\" fill=\"#ffffff\"/>\n{drawn}</svg>\n"
    )
}

/// Draws a chart, and returns its height.
fn draw(to: &mut String, chart: &Chart, top: f64) -> f64 {
    let bars = chart.bars.len() as f64;
    let (first, end) = (top + TITLE, top + TITLE + bars * ROW);
    text(to, (16.0, top + 20.0), "font-weight=\"bold\"", &chart.title);
    let at = |time: f64| LEFT + (RIGHT - LEFT) * time / chart.runtime.max(1e-9);
    for tick in 0..=MOST_TICKS {
        let time = chart.runtime * f64::from(tick) / f64::from(MOST_TICKS);
        let x = at(time);
        // Writing to a string cannot fail.
        let _ = writeln!(
            to,
            "<line x1=\"{x:.1}\" y1=\"{first:.1}\" x2=\"{x:.1}\" y2=\"{end:.1}\" stroke=\"#e2e2e2\"/>"
        );
        let label = format!("{time:.3} s");
        text(
            to,
            (x, first - 6.0),
            "text-anchor=\"middle\" fill=\"#606060\" font-size=\"11\"",
            &label,
        );
    }
    for (index, bar) in chart.bars.iter().enumerate() {
        let y = first + index as f64 * ROW;
        let indent = INDENT * bar.depth.min(DEEPEST) as f64;
        text(to, (16.0 + indent, y + 15.0), "", &label(bar));
        let (x, until) = (at(bar.times.0), at(bar.times.1));
        let _ = writeln!(
            to,
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"14\" fill=\"{}\"/>",
            y + 4.0,
            (until - x).max(1.0),
            colour(bar.kind)
        );
        let time = format!("{:.3} s", bar.times.1 - bar.times.0);
        text(to, (RIGHT + 12.0, y + 15.0), "fill=\"#606060\"", &time);
    }
    let mut height = TITLE + bars * ROW + 16.0;
    if chart.left_out > 0 {
        let more = format!("{} shorter steps are not shown", chart.left_out);
        text(to, (16.0, end + 16.0), "fill=\"#606060\"", &more);
        height += ROW;
    }
    height
}

fn label(bar: &Bar) -> String {
    let name = if bar.name.is_empty() { bar.kind.name() } else { &bar.name };
    let cut: String = name.chars().take(LONGEST_NAME).collect();
    let cut = if cut.len() < name.len() { format!("{cut}…") } else { cut };
    if bar.name.is_empty() { cut } else { format!("{cut} ({})", bar.kind.name()) }
}

fn colour(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Llm => "#2c6fb0",
        StepKind::Tool => "#d95f02",
        StepKind::Retriever => "#7a4fa3",
        StepKind::Workflow => "#1b7a3d",
        StepKind::Function | StepKind::Task | StepKind::Other => "#9aa5ad",
    }
}

fn text(to: &mut String, (x, y): (f64, f64), how: &str, text: &str) {
    let _ = writeln!(to, "<text x=\"{x:.1}\" y=\"{y:.1}\" {how}>{}</text>", escaped(text));
}

/// Escapes what has a meaning in XML; characters that it forbids are replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\r' | '\t' => escaped.push(' '),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    crate::redact::printable(&escaped).into_owned()
}
