//! Table of the steps: their shares of the runtime at each level.

use super::SizingResult;
use super::prose::{percent, quoted};
use crate::measure::{LevelMetrics, RuntimeShare, StepFigures, StepMetrics};
use comfy_table::{CellAlignment, Table, presets};

/// Most steps that are shown: those that take most of the runtime at the highest level.
const MOST_STEPS: usize = 12;
/// Most levels that are shown, the lowest and the highest among them.
const MOST_LEVELS: usize = 6;

/// A figure of a level in words, where there is one.
type Told<'a> = &'a dyn Fn(&LevelMetrics) -> Option<String>;

/// Renders the table in Markdown; `None` if no level has steps.
pub(super) fn steps_table(result: &SizingResult) -> Option<String> {
    let levels: Vec<(&LevelMetrics, &StepMetrics)> = result
        .levels
        .iter()
        .filter(|level| !level.interrupted)
        .filter_map(|level| Some((&level.metrics, level.steps.as_deref()?)))
        .collect();
    let levels = spread(&levels);
    let (_, highest) = levels.last()?;
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    let numbers = levels.iter().map(|(level, _)| level.concurrency.to_string());
    table.set_header(["Step".to_owned(), "Kind".to_owned()].into_iter().chain(numbers));
    let cells = |of: &dyn Fn(&LevelMetrics, &StepMetrics) -> String| -> Vec<String> {
        levels.iter().map(|(level, steps)| of(level, steps)).collect()
    };
    let mut row = |name: String, kind: &str, cells: Vec<String>| {
        table.add_row([name, kind.to_owned()].into_iter().chain(cells));
    };
    for step in highest.steps.iter().take(MOST_STEPS) {
        let name = if step.name.is_empty() { String::new() } else { in_a_cell(&step.name) };
        let same = |it: &&StepFigures| it.kind == step.kind && it.name == step.name;
        let share = |steps: &StepMetrics| steps.steps.iter().find(same).map(|it| it.share);
        let told = |steps: &StepMetrics| share(steps).map_or_else(|| both(0.0, 0.0), shares);
        row(name, step.kind.name(), cells(&|_, steps| told(steps)));
    }
    row("outside the steps".to_owned(), "", cells(&|_, steps| shares(steps.outside)));
    row(
        "LLM calls in flight".to_owned(),
        "",
        cells(&|level, _| level.llm_in_flight.map_or_else(String::new, |it| format!("{it:.1}"))),
    );
    let shared = |level: &LevelMetrics| level.shared_prefix.map(|it| both(it.p50, it.p95));
    let cached = |level: &LevelMetrics| level.cached_share.map(percent);
    let told: [(&str, Told<'_>); 2] =
        [("prompt as in an earlier call", &shared), ("prompt tokens in the cache", &cached)];
    for (name, told) in told {
        let cells = cells(&|level, _| told(level).into_iter().collect());
        if cells.iter().any(|cell| !cell.is_empty()) {
            row(name.to_owned(), "", cells);
        }
    }
    for index in 2..levels.len() + 2 {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    Some(table.to_string())
}

/// Quotes a name for a cell, which a bar would end.
fn in_a_cell(name: &str) -> String {
    quoted(name).replace('|', "\\|")
}

/// The median and the 95th percentile.
fn shares(share: RuntimeShare) -> String {
    both(share.p50, share.p95)
}

fn both(p50: f64, p95: f64) -> String {
    format!("{} / {}", percent(p50), percent(p95))
}

/// Chooses so many at equal distances, the first and the last among them.
fn spread<T: Copy>(all: &[T]) -> Vec<T> {
    let last = all.len().saturating_sub(1);
    let count = all.len().min(MOST_LEVELS);
    let position = |index: usize| index * last / count.saturating_sub(1).max(1);
    (0..count).filter_map(|index| all.get(position(index)).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_and_the_highest_level_are_shown() {
        let all: Vec<u32> = (1..=13).collect();
        assert_eq!(spread(&all), [1, 3, 5, 8, 10, 13]);
        assert_eq!(spread(&all[..2]), [1, 2]);
        assert_eq!(spread(&all[..1]), [1]);
        assert!(spread::<u32>(&[]).is_empty());
    }

    #[test]
    fn a_name_stays_in_its_cell() {
        assert_eq!(in_a_cell("a|b`c\nd"), "`a\\|b'c d`");
    }
}
