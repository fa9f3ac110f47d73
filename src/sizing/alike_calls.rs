//! LLM calls of one run that resemble each other: together they have the evidence of fewer.

use super::observed::ObservedLevel;
use crate::measure::{Metric, quantile_of_sorted};

/// Quantile over which the slowest calls lie, whose runs are looked at.
const SLOWEST: f64 = 0.9;
/// Fewest runs that show whether the slowest calls are those of a few.
const FEWEST_RUNS: usize = 10;
/// Standard errors beyond which the effect is no chance.
const STANDARD_ERRORS: f64 = 2.0;

/// Returns the number of a level's calls that have the evidence of one: their design effect as clusters of a run
/// (Kish, 1965), for being among the slowest tenth. 1 for metrics of runs, and where chance explains it.
pub(super) fn calls_for_one(level: &ObservedLevel, metric: Metric) -> f64 {
    if metric.call_column().is_none() || level.runs.len() < FEWEST_RUNS {
        return 1.0;
    }
    let calls = level.calls(metric);
    let Some(groups) = groups(level, calls.len()) else { return 1.0 };
    let mut ordered: Vec<f64> = calls.iter().map(|it| it.1).collect();
    ordered.sort_unstable_by(f64::total_cmp);
    let Some(slow) = quantile_of_sorted(&ordered, SLOWEST) else { return 1.0 };
    let over = ordered.len() - ordered.partition_point(|it| *it <= slow);
    let share = over as f64 / ordered.len() as f64;
    let (mut rest, mut squares) = (calls, 0.0);
    for size in &groups {
        let (own, others) = rest.split_at((*size).min(rest.len()));
        rest = others;
        let over = own.iter().filter(|it| it.1 > slow).count() as f64;
        squares += (over - share * own.len() as f64).powi(2);
    }
    let expected = share * (1.0 - share) * calls.len() as f64;
    let effect = if expected > 0.0 { squares / expected } else { 1.0 };
    let by_chance = 1.0 + STANDARD_ERRORS * (2.0 / groups.len() as f64).sqrt();
    let most = groups.iter().copied().max().unwrap_or(1) as f64;
    if effect > by_chance { effect.min(most.max(1.0)) } else { 1.0 }
}

/// Returns the same on average over levels, by their number of calls.
pub(super) fn calls_for_one_of_all(levels: &[&ObservedLevel], metric: Metric) -> f64 {
    let sums = levels.iter().fold((0.0, 0.0), |(calls, alike), level| {
        let own = level.calls(metric).len() as f64;
        (calls + own, alike + own * calls_for_one(level, metric))
    });
    if sums.0 > 0.0 { sums.1 / sums.0 } else { 1.0 }
}

/// Returns the number of calls of each run, in order; `None` if each run has one, or it is not known which are whose.
fn groups(level: &ObservedLevel, calls: usize) -> Option<Vec<usize>> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of calls, and a float-to-int cast saturates"
    )]
    let own: Vec<usize> = level.runs.iter().map(|run| run.llm_calls.round() as usize).collect();
    let all = own.iter().fold(0_usize, |sum, it| sum.saturating_add(*it));
    (all == calls && calls > level.runs.len()).then_some(own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sizing::observed::ObservedRun;

    /// A level of runs with so many calls each; `slow` says which take ten times as long.
    fn level(runs: usize, calls: usize, slow: impl Fn(usize, usize) -> bool) -> ObservedLevel {
        let run = ObservedRun {
            concurrency: 4.0,
            runtime: 9.0,
            llm_time: 8.0,
            llm_calls: calls as f64,
            prompt_tokens: None,
            completion_tokens: None,
            first_tokens: None,
        };
        let all = (0..runs).flat_map(|run| (0..calls).map(move |call| (run, call)));
        let seconds = |(run, call)| {
            let spread = ((run * calls + call) as f64 * 0.618_034).fract();
            (4.0, if slow(run, call) { 10.0 + spread } else { 1.0 + spread })
        };
        let calls = [(Metric::LlmLatency, all.map(seconds).collect())].into();
        ObservedLevel { runs: vec![run; runs], calls, ..ObservedLevel::default() }
    }

    /// All five calls of one run in ten: `Σ (5 − 0.5)² + 9 · 0.5²` over `50 · 0.1 · 0.9` for ten runs.
    #[test]
    fn calls_that_are_slow_with_their_run_count_as_one() {
        let alike = level(50, 5, |run, _| run % 10 == 3);
        let effect = calls_for_one(&alike, Metric::LlmLatency);
        assert!((effect - 5.0).abs() < 0.2, "{effect}");
        assert!((calls_for_one(&alike, Metric::WorkflowRuntime) - 1.0).abs() < f64::EPSILON);
        let apart = level(50, 5, |run, call| (run * 5 + call) % 10 == 3);
        assert!((calls_for_one(&apart, Metric::LlmLatency) - 1.0).abs() < f64::EPSILON);
        let single = level(50, 1, |run, _| run % 10 == 3);
        assert!((calls_for_one(&single, Metric::LlmLatency) - 1.0).abs() < f64::EPSILON);
    }
}
