//! Rendering of panels into a PNG image.

use super::panel::{Panel, PlotError};
use super::style::FONT;
use crate::report::ReportError;
use plotters::backend::BitMapBackend;
use plotters::drawing::IntoDrawingArea;
use plotters::style::{FontStyle, register_font};

/// Draws panels side by side and encodes the image as PNG.
pub(super) fn draw(
    name: &'static str,
    size: (u32, u32),
    panels: &[Panel],
) -> Result<Vec<u8>, ReportError> {
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
