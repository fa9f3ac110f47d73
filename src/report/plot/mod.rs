//! Plots of the p95s against concurrency, as PNG. They need neither a display nor system fonts, since the
//! font is part of the binary.

mod analysis;
mod panel;
mod picture;
mod points;
mod simple;
mod style;

pub(super) use analysis::ANALYSIS;
pub(super) use simple::SIMPLE;
