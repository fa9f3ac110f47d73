//! Charts of characters.

use super::chart::{Bar, Chart};
use std::fmt::Write;

/// Most bars of a run: the longest.
const MOST_BARS: usize = 24;
/// Width of the time axis in characters.
const WIDTH: f64 = 48.0;
/// Longest name that is shown, in characters.
const LONGEST_NAME: usize = 32;

/// Draws charts as text, for a block of code; `None` if there are none.
pub(in crate::report) fn text(charts: &[Chart]) -> Option<String> {
    let mut drawn = String::new();
    for chart in charts {
        let gap = if drawn.is_empty() { "" } else { "\n" };
        // Writing to a string cannot fail.
        let _ = writeln!(drawn, "{gap}{}", chart.title);
        let bars = longest(&chart.bars);
        let labels: Vec<String> = bars.iter().map(|bar| label(bar)).collect();
        let width = labels.iter().map(|it| it.chars().count()).max().unwrap_or(0);
        for (bar, label) in bars.iter().zip(labels) {
            let (start, end) = bar.times;
            let row = row(start / chart.runtime, end / chart.runtime);
            let kind = bar.kind.name();
            let _ = writeln!(
                drawn,
                "{label:width$}  {kind:9}  {row:length$}  {start:.3} to {end:.3} s",
                length = columns(WIDTH)
            );
        }
        let hidden = chart.left_out + (chart.bars.len() - bars.len()) as u64;
        if hidden > 0 {
            let _ = writeln!(drawn, "({hidden} shorter steps are not shown)");
        }
    }
    (!drawn.is_empty()).then_some(drawn)
}

/// The longest bars, in their order.
fn longest(bars: &[Bar]) -> Vec<&Bar> {
    let length = |bar: &Bar| bar.times.1 - bar.times.0;
    let mut lengths: Vec<f64> = bars.iter().map(length).collect();
    lengths.sort_unstable_by(|a, b| b.total_cmp(a));
    let shortest = lengths.get(MOST_BARS - 1).copied().unwrap_or(0.0);
    bars.iter().filter(|bar| length(bar) >= shortest).take(MOST_BARS).collect()
}

fn label(bar: &Bar) -> String {
    const DEEPEST: usize = 12;
    let name = bar.name.replace(['`', '\n', '\r', '\t'], " ");
    let cut = name.chars().take(LONGEST_NAME).collect::<String>();
    let cut = if cut.len() < name.len() { format!("{cut}…") } else { cut };
    format!("{}{cut}", "  ".repeat(bar.depth.min(DEEPEST)))
}

/// A bar between two shares of the axis: at least one character.
fn row(from: f64, to: f64) -> String {
    let last = columns(WIDTH) - 1;
    let (first, end) = (columns(from * WIDTH).min(last), columns(to * WIDTH));
    format!("{}{}", " ".repeat(first), "█".repeat(end.saturating_sub(first).max(1)))
}

fn columns(width: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to WIDTH")]
    let columns = width.round().clamp(0.0, WIDTH) as usize;
    columns
}
