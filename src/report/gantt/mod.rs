//! Gantt charts of a typical and a slow run: when each step began and ended.
//!
//! `chart` chooses the level and lays out its runs; `text` draws them with characters, for Markdown, and `svg` as a
//! picture.

mod chart;
mod svg;
mod text;

pub(super) use chart::charts;
pub(super) use svg::{STEPS, svg};
pub(super) use text::text;
