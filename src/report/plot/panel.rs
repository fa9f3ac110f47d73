//! Axes with their layers and a legend. The legend has a band of its own above the axes, so that it can never
//! cover the data.

use super::style::FONT;
use crate::report::format::significant;
use plotters::chart::ChartBuilder;
use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{Circle, Cross, EmptyElement, PathElement, Rectangle, Text};
use plotters::prelude::{Color, DrawingBackend, IntoFont, RGBColor, ShapeStyle};
use plotters::series::{DashedLineSeries, LineSeries};
use plotters::style::TextStyle;
use plotters::style::colors::{BLACK, WHITE};

/// Error while a plot is drawn.
#[derive(Debug, thiserror::Error)]
#[error("the plot cannot be drawn: {0}")]
pub(super) struct PlotError(pub String);

impl<E: std::error::Error + Send + Sync> From<plotters::drawing::DrawingAreaErrorKind<E>>
    for PlotError
{
    fn from(error: plotters::drawing::DrawingAreaErrorKind<E>) -> Self {
        Self(error.to_string())
    }
}

/// Line or marker style of a layer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LayerStyle {
    /// A line with a dot at each point.
    LineWithDots,
    /// A line with a square at each point.
    LineWithSquares,
    /// Dots alone.
    Dots,
    /// Crosses alone.
    Crosses,
    /// A dashed line.
    Dashed,
    /// A dotted line.
    Dotted,
}

/// Data series with its legend entry.
pub(super) struct Layer {
    pub style: LayerStyle,
    pub colour: RGBColor,
    pub label: String,
    pub points: Vec<(f64, f64)>,
}

/// Pair of axes with a title.
pub(super) struct Panel {
    pub title: String,
    pub y_label: String,
    pub layers: Vec<Layer>,
}

const MARGIN: i32 = 24;
const TITLE_HEIGHT: u32 = 34;
const LINE_HEIGHT: i32 = 34;
const TEXT_HEIGHT: u32 = 20;
const SAMPLE_WIDTH: i32 = 44;
/// Vertical offset of the legend sample from the top of its text line.
const SAMPLE_HEIGHT: i32 = 7;
const MOST_TICKS: usize = 12;
const MARKER: i32 = 7;
const GRID: RGBColor = RGBColor(0xe2, 0xe2, 0xe2);

impl Panel {
    pub fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<(), PlotError> {
        area.fill(&WHITE)?;
        let area = area.margin(MARGIN, MARGIN, MARGIN, MARGIN);
        let (width, _) = area.dim_in_pixel();
        let title = TextStyle::from(
            (FONT, TITLE_HEIGHT).into_font().style(plotters::style::FontStyle::Bold),
        );
        let (title_width, _) = area.estimate_text_size(&self.title, &title)?;
        let left = (i64::from(width) - i64::from(title_width)) / 2;
        area.draw_text(&self.title, &title, (i32::try_from(left).unwrap_or(0).max(0), 0))?;
        let legend_top = 54;
        let legend_height = self.legend(&area, legend_top)?;
        let (_, axes) = area.split_vertically(legend_top + legend_height + 10);
        self.axes(&axes)
    }

    /// Draws the legend in as many lines as it needs, and returns their height.
    fn legend<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
        top: i32,
    ) -> Result<i32, PlotError> {
        let style = TextStyle::from((FONT, TEXT_HEIGHT).into_font());
        let (width, _) = area.dim_in_pixel();
        let width = i32::try_from(width).unwrap_or(i32::MAX);
        let (mut x, mut y) = (0, top);
        for layer in &self.layers {
            let (text_width, _) = area.estimate_text_size(&layer.label, &style)?;
            let entry = SAMPLE_WIDTH + 10 + i32::try_from(text_width).unwrap_or(0) + 36;
            if x > 0 && x + entry > width {
                (x, y) = (0, y + LINE_HEIGHT);
            }
            let middle = y + SAMPLE_HEIGHT;
            layer.sample(area, x, middle)?;
            area.draw_text(&layer.label, &style, (x + SAMPLE_WIDTH + 10, y))?;
            x += entry;
        }
        Ok(y - top + LINE_HEIGHT)
    }

    fn axes<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<(), PlotError> {
        let points = || self.layers.iter().flat_map(|layer| &layer.points);
        let (from, to) = range(points().map(|(x, _)| *x));
        let (_, top) = range(points().map(|(_, y)| *y));
        let sides = ((to - from) * 0.04).max(0.5);
        let mut chart = ChartBuilder::on(area)
            .x_label_area_size(70)
            .y_label_area_size(95)
            .build_cartesian_2d((from - sides).max(0.0)..to + sides, 0.0..top.max(1e-6) * 1.08)?;
        let bold = (FONT, TEXT_HEIGHT).into_font().style(plotters::style::FontStyle::Bold);
        chart
            .configure_mesh()
            .x_desc("Concurrency")
            .y_desc(self.y_label.as_str())
            .axis_desc_style(TextStyle::from(bold))
            .label_style((FONT, TEXT_HEIGHT - 2))
            .x_labels(ticks(from, to))
            // Concurrency is a whole number.
            .x_label_formatter(&|x| if x.fract() == 0.0 { significant(*x) } else { String::new() })
            .y_label_formatter(&|y| significant(*y))
            .bold_line_style(GRID)
            .light_line_style(WHITE)
            .axis_style(BLACK)
            .draw()?;
        for layer in &self.layers {
            let style = ShapeStyle::from(layer.colour).stroke_width(3);
            let at = || layer.points.iter().copied();
            match layer.style {
                LayerStyle::Dashed => {
                    chart.draw_series(DashedLineSeries::new(at(), 12, 8, style))?;
                }
                LayerStyle::Dotted => {
                    chart.draw_series(DashedLineSeries::new(at(), 3, 7, style))?;
                }
                LayerStyle::LineWithDots | LayerStyle::LineWithSquares => {
                    chart.draw_series(LineSeries::new(at(), style))?;
                }
                LayerStyle::Dots | LayerStyle::Crosses => {}
            }
            let filled = layer.colour.filled();
            match layer.style {
                LayerStyle::Dots | LayerStyle::LineWithDots => {
                    chart.draw_series(at().map(|point| Circle::new(point, MARKER, filled)))?;
                }
                LayerStyle::Crosses => {
                    chart.draw_series(at().map(|point| Cross::new(point, MARKER, style)))?;
                }
                LayerStyle::LineWithSquares => {
                    let corners = [(-MARKER, -MARKER), (MARKER, MARKER)];
                    chart.draw_series(
                        at().map(|point| EmptyElement::at(point) + Rectangle::new(corners, filled)),
                    )?;
                }
                LayerStyle::Dashed | LayerStyle::Dotted => {}
            }
        }
        if self.layers.iter().all(|layer| layer.points.is_empty()) {
            let style = TextStyle::from((FONT, TEXT_HEIGHT).into_font());
            area.draw(&Text::new("nothing was measured", (180, 60), style))?;
        }
        Ok(())
    }
}

impl Layer {
    /// Draws the sample of this layer's style in the legend.
    fn sample<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
        x: i32,
        y: i32,
    ) -> Result<(), PlotError> {
        let style = ShapeStyle::from(self.colour).stroke_width(3);
        let pieces: &[(i32, i32)] = match self.style {
            LayerStyle::LineWithDots | LayerStyle::LineWithSquares => &[(0, SAMPLE_WIDTH)],
            LayerStyle::Dashed => &[(0, 12), (16, 28), (32, 44)],
            LayerStyle::Dotted => &[(0, 4), (10, 14), (20, 24), (30, 34), (40, 44)],
            LayerStyle::Dots | LayerStyle::Crosses => &[],
        };
        for (from, to) in pieces {
            area.draw(&PathElement::new(vec![(x + from, y), (x + to, y)], style))?;
        }
        let middle = (x + SAMPLE_WIDTH / 2, y);
        let filled = self.colour.filled();
        match self.style {
            LayerStyle::Dots | LayerStyle::LineWithDots => {
                area.draw(&Circle::new(middle, MARKER, filled))?;
            }
            LayerStyle::Crosses => area.draw(&Cross::new(middle, MARKER, style))?,
            LayerStyle::LineWithSquares => {
                let corners = [
                    (middle.0 - MARKER, middle.1 - MARKER),
                    (middle.0 + MARKER, middle.1 + MARKER),
                ];
                area.draw(&Rectangle::new(corners, filled))?;
            }
            LayerStyle::Dashed | LayerStyle::Dotted => {}
        }
        Ok(())
    }
}

/// Number of ticks on the concurrency axis: no more than there are whole numbers in its range.
fn ticks(from: f64, to: f64) -> usize {
    (2..MOST_TICKS).find(|ticks| *ticks as f64 >= to - from + 1.0).unwrap_or(MOST_TICKS)
}

/// Minimum and maximum of the finite values; 0 and 1 if there are none.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.is_empty() { (0.0, 1.0) } else { (low, high) }
}
