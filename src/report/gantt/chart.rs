//! The runs that are drawn, and their bars.

use crate::measure::{StepExample, StepKind};
use crate::report::{LevelResult, SizingResult};

/// A run with its bars.
pub(in crate::report) struct Chart {
    /// Title, such as: Typical run at concurrency 8: 1.52 s.
    pub title: String,
    /// Length of the run in seconds.
    pub runtime: f64,
    /// Bars from above.
    pub bars: Vec<Bar>,
    /// Number of steps that are not drawn.
    pub left_out: u64,
}

/// A step as a bar.
pub(in crate::report) struct Bar {
    pub kind: StepKind,
    pub name: String,
    /// Number of steps that it is part of.
    pub depth: usize,
    /// Start and end in seconds, within the run.
    pub times: (f64, f64),
}

/// Lays out a typical and a slow run of the level that is nearest to the answer, otherwise of the highest one; none if
/// no level has steps.
pub(in crate::report) fn charts(result: &SizingResult) -> Vec<Chart> {
    let usable = || result.levels.iter().filter(|it| !it.interrupted && it.steps.is_some());
    let capacities =
        result.estimates.iter().filter_map(|estimate| estimate.answer.capacity()?.point);
    let capacity = capacities.fold(f64::INFINITY, f64::min);
    let distance = |level: &&LevelResult| {
        if capacity.is_finite() && capacity > 0.0 {
            (f64::from(level.concurrency) / capacity).ln().abs()
        } else {
            -f64::from(level.concurrency)
        }
    };
    let nearest = usable().min_by(|a, b| distance(a).total_cmp(&distance(b)));
    let Some((level, steps)) = nearest.and_then(|it| Some((it.concurrency, it.steps.as_ref()?)))
    else {
        return Vec::new();
    };
    let titled = |name: &str, run: &StepExample| {
        let title = format!("{name} run at concurrency {level}: {:.3} s", run.runtime);
        Chart { title, runtime: run.runtime, bars: bars(run), left_out: run.left_out }
    };
    let mut charts = vec![titled("Typical", &steps.typical)];
    if steps.slow.run != steps.typical.run {
        charts.push(titled("Slow (p95)", &steps.slow));
    }
    charts
}

fn bars(run: &StepExample) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::with_capacity(run.steps.len());
    for step in &run.steps {
        let parent = step.parent.and_then(|parent| bars.get(usize::try_from(parent).ok()?));
        let depth = parent.map_or(0, |parent| parent.depth + 1);
        let within = |time: f64| time.clamp(0.0, run.runtime.max(0.0));
        let times = (within(step.start), within(step.end));
        bars.push(Bar { kind: step.kind, name: step.name.clone(), depth, times });
    }
    bars
}
