//! Plots of the p95s against concurrency, as PNG. They need neither a display nor fonts of the
//! system: the font is part of the binary.

mod analysis;
mod panel;
mod simple;

pub(super) use analysis::Analysis;
pub(super) use simple::Simple;

use super::ReportError;
use crate::measure::{Metric, Quantile};
use crate::report::{LevelResult, SizingResult};
use panel::{Panel, PlotError};
use plotters::backend::BitMapBackend;
use plotters::drawing::IntoDrawingArea;
use plotters::style::{FontStyle, RGBColor, register_font};

pub(super) const SIMPLE: &str = "concurrency_vs_p95_simple.png";
pub(super) const ANALYSIS: &str = "concurrency_vs_p95_analysis.png";

const FONT: &str = "DejaVu Sans";
const RUNTIME_COLOUR: RGBColor = RGBColor(0x1b, 0x7a, 0x3d);
const LATENCY_COLOUR: RGBColor = RGBColor(0x2c, 0x6f, 0xb0);

/// Draws panels side by side and encodes the picture.
fn draw(name: &'static str, size: (u32, u32), panels: &[Panel]) -> Result<Vec<u8>, ReportError> {
    let (width, height) = size;
    let mut pixels = vec![0xff; width as usize * height as usize * 3];
    paint(&mut pixels, size, panels).map_err(|error| ReportError::format(name, error))?;
    encode(&pixels, size).map_err(|error| ReportError::format(name, error))
}

fn paint(pixels: &mut [u8], size: (u32, u32), panels: &[Panel]) -> Result<(), PlotError> {
    for (style, bytes) in
        [(FontStyle::Normal, dejavu::sans::regular()), (FontStyle::Bold, dejavu::sans::bold())]
    {
        register_font(FONT, style, bytes).map_err(|_| PlotError("the font is damaged".into()))?;
    }
    let area = BitMapBackend::with_buffer(pixels, size).into_drawing_area();
    for (part, panel) in area.split_evenly((1, panels.len())).iter().zip(panels) {
        panel.draw(part)?;
    }
    area.present()?;
    Ok(())
}

fn encode(pixels: &[u8], (width, height): (u32, u32)) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}

/// The p95s of a metric at the levels that are wanted.
fn points(
    result: &SizingResult,
    metric: Metric,
    wanted: impl Fn(&LevelResult) -> bool,
) -> Vec<(f64, f64)> {
    let point = |level: &LevelResult| {
        Some((f64::from(level.concurrency), level.metric(metric)?.at(Quantile::P95)))
    };
    result.levels.iter().filter(|level| wanted(level)).filter_map(point).collect()
}
