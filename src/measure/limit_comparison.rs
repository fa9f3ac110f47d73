//! Comparison of runs with limits.

use super::window::Window;
use super::{CallColumn, Metric, Quantile, RunColumns, quantile_of_sorted};

/// Exceedances and goodput of a level's runs, given a list of limits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LimitComparison {
    /// Measured runs over each limit, in the order of the limits; failed runs are not counted.
    pub over: Vec<u64>,
    /// Goodput: runs per second that succeeded within every limit, on the same basis as the
    /// throughput (the share of each run that lies within the window).
    pub goodput: f64,
}

impl LimitComparison {
    /// Compares every run with limits, each in the unit of its metric: the runtime with limits on it,
    /// the p95 of the run's own LLM calls with the others, as the reference calculator does. That of
    /// a rate is the one that 95 % of the calls reach.
    pub fn of<S: RunColumns>(source: &S, limits: &[(Metric, f64)]) -> Result<Self, S::Error> {
        let window = Window::of(source, |_| {})?;
        let mut good: Vec<f64> = (0..window.runs()).map(|run| window.share_within(run)).collect();
        let mut over = vec![0; limits.len()];
        let mut note = |run: usize, count: &mut u64| {
            *count += u64::from(window.counts(run));
            if let Some(good) = good.get_mut(run) {
                *good = 0.0;
            }
        };
        for ((metric, limit), count) in std::iter::zip(limits, &mut over) {
            let limit = metric.to_seconds(*limit);
            match metric.call_column() {
                None => {
                    let times = std::iter::zip(&window.starts, &window.ends).enumerate();
                    for (run, _) in times.filter(|(_, (start, end))| **end - **start > limit) {
                        note(run, count);
                    }
                }
                Some(column) => {
                    each_run_p95(source, column, &mut |run, seconds| {
                        if seconds > limit {
                            note(run, count);
                        }
                    })?;
                }
            }
        }
        Ok(Self { over, goodput: window.per_second(good.into_iter().sum()) })
    }
}

/// Calls `each` with the p95 (seconds) of each run's own calls.
fn each_run_p95<S: RunColumns>(
    source: &S,
    column: CallColumn,
    each: &mut dyn FnMut(usize, f64),
) -> Result<(), S::Error> {
    let mut run = 0;
    let mut calls: Vec<f64> = Vec::new();
    let mut end = |run: usize, calls: &mut Vec<f64>| {
        calls.sort_unstable_by(f64::total_cmp);
        if let Some(p95) = quantile_of_sorted(calls, Quantile::P95.share()) {
            each(run, p95);
        }
        calls.clear();
    };
    source.each_call(column, &mut |of, seconds| {
        if of != run {
            end(run, &mut calls);
            run = of;
        }
        calls.push(seconds);
    })?;
    end(run, &mut calls);
    Ok(())
}
