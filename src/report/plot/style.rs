//! Fonts and colours shared by all plots.

use plotters::style::RGBColor;

pub(super) const FONT: &str = "DejaVu Sans";
pub(super) const RUNTIME_COLOUR: RGBColor = RGBColor(0x1b, 0x7a, 0x3d);
pub(super) const LATENCY_COLOUR: RGBColor = RGBColor(0x2c, 0x6f, 0xb0);
