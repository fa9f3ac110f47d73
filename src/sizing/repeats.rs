//! Comparison of the parts of a level: its repetitions, or the earlier and the later half of its
//! runs. If they differ by more than chance, the rig was not the same throughout.

use super::Target;
use super::alike_calls::calls_for_one;
use super::means::times;
use super::observed::ObservedLevel;
use super::tails::DEPENDENCE;
use super::verdict::Level;
use crate::measure::quantile_of_sorted;

/// Fewest standard errors of their difference by which two parts differ.
const STANDARD_ERRORS: f64 = 4.0;
/// Smallest relative difference of repetitions, and of the halves of one, which a slow start makes
/// unlike as well.
const SHARE: f64 = 0.1;
const SHARE_OF_HALVES: f64 = 0.2;
/// Fewest runs of a part.
const FEWEST: usize = 8;

/// Parts of a level that differ.
pub(super) struct PartDifference {
    /// Quantile of the fastest and of the slowest part, in seconds.
    pub fastest: f64,
    pub slowest: f64,
    /// These two parts, each as a level.
    pub fast: ObservedLevel,
    pub slow: ObservedLevel,
    /// True if they are repetitions, false if they are halves.
    pub repetitions: bool,
}

/// A part with the figures that are compared.
struct Part {
    observed: ObservedLevel,
    mean: f64,
    /// Standard error of the logarithm of the mean.
    error: f64,
    times: Vec<f64>,
    /// Number of its times that have the evidence of one.
    for_one: f64,
}

impl PartDifference {
    /// Returns the parts of a level that differ in the metric of a target; `None` if chance
    /// explains it.
    pub fn of(level: &Level<'_>, target: &Target) -> Option<Self> {
        let repeated = level.observed.repetitions();
        let repetitions = repeated.len() > 1;
        let parts = if repetitions { repeated } else { level.observed.halves() };
        let share = if repetitions { SHARE } else { SHARE_OF_HALVES };
        let parts: Vec<Part> =
            parts.into_iter().filter_map(|observed| Part::of(observed, target)).collect();
        let fast = parts.iter().min_by(|a, b| a.mean.total_cmp(&b.mean))?;
        let slow = parts.iter().max_by(|a, b| a.mean.total_cmp(&b.mean))?;
        let quantile = target.quantile.share();
        let at = |part: &Part| quantile_of_sorted(&part.times, quantile).unwrap_or(part.mean);
        let by = (slow.mean / fast.mean).ln();
        let of_means = by > share && by > STANDARD_ERRORS * fast.error.hypot(slow.error);
        let (fast, slow) = if of_means {
            (fast, slow)
        } else {
            let fast = parts.iter().min_by(|a, b| at(a).total_cmp(&at(b)))?;
            let slow = parts.iter().max_by(|a, b| at(a).total_cmp(&at(b)))?;
            if !tails_differ(fast, slow, quantile, (at(slow) / at(fast)).ln() > share) {
                return None;
            }
            (fast, slow)
        };
        Some(Self {
            fastest: at(fast).min(at(slow)),
            slowest: at(slow).max(at(fast)),
            fast: fast.observed.clone(),
            slow: slow.observed.clone(),
            repetitions,
        })
    }
}

/// Returns true if more of one part's times than of the other's lie beyond the quantile of both, by
/// more than chance.
fn tails_differ(fast: &Part, slow: &Part, quantile: f64, apart: bool) -> bool {
    let mut all: Vec<f64> = fast.times.iter().chain(&slow.times).copied().collect();
    all.sort_unstable_by(f64::total_cmp);
    let Some(limit) = quantile_of_sorted(&all, quantile).filter(|_| apart) else { return false };
    let beyond = |part: &Part| {
        let over = part.times.len() - part.times.partition_point(|time| *time <= limit);
        over as f64 / part.times.len() as f64
    };
    let variance =
        |part: &Part| part.for_one * quantile * (1.0 - quantile) / part.times.len() as f64;
    let error = DEPENDENCE * (variance(fast) + variance(slow)).sqrt();
    beyond(slow) - beyond(fast) > STANDARD_ERRORS * error
}

impl Part {
    fn of(observed: ObservedLevel, target: &Target) -> Option<Self> {
        let mut times: Vec<f64> =
            times(&observed, target.metric).iter().map(|it| it.seconds).collect();
        if times.len() < FEWEST {
            return None;
        }
        times.sort_unstable_by(f64::total_cmp);
        let count = times.len() as f64;
        let mean = times.iter().sum::<f64>() / count;
        let squares: f64 = times.iter().map(|it| (it / mean - 1.0).powi(2)).sum();
        let for_one = calls_for_one(&observed, target.metric);
        let error = DEPENDENCE * (for_one * squares / (count - 1.0) / count).sqrt();
        Some(Self { observed, mean, error, times, for_one })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{LevelMetrics, Metric, Quantile, Recording, RecordingMeta, Run};

    /// Repetitions of one after the other, each of runs of such a mean time, a fifth more or less in turns.
    fn unlike(means: &[f64], runs: u32) -> Option<(f64, f64)> {
        let mut all = Vec::new();
        let mut at = 0.0;
        for mean in means {
            for index in 0..runs {
                let end = at + mean * if index % 2 == 0 { 0.8 } else { 1.2 };
                all.push(Run { start: at, end, ..Run::default() });
                at = end;
            }
        }
        let around = RecordingMeta {
            burst: Some(false),
            repetitions: vec![u64::from(runs); means.len()],
            ..RecordingMeta::default()
        };
        let recording = Recording { runs: all, around };
        let metrics = LevelMetrics::of(1, &recording, 0.0);
        let Ok(observed) = ObservedLevel::of(1, &recording, &recording.around);
        let level = Level { metrics: &metrics, observed: &observed };
        let target =
            Target { metric: Metric::WorkflowRuntime, quantile: Quantile::P95, limit: 1.0 };
        PartDifference::of(&level, &target).map(|it| (it.fastest, it.slowest))
    }

    #[test]
    fn repetitions_that_differ_by_more_than_chance_are_told_with_both_figures() {
        let (fast, slow) = unlike(&[1.0, 1.5, 1.1], 60).unwrap();
        assert!((fast - 1.2).abs() < 0.01 && (slow - 1.8).abs() < 0.01, "{fast} {slow}");
        assert_eq!(unlike(&[1.0, 1.05, 1.02], 60), None);
        assert_eq!(unlike(&[1.0, 1.5], 6), None, "too few to say");
    }

    #[test]
    fn a_level_that_changes_half_way_is_unlike_itself() {
        assert!(unlike(&[1.0], 400).is_none());
        let drifting = |at: u32| if at < 100 { 1.0 } else { 1.6 };
        let run = |index: u32| Run {
            start: f64::from(index) * 2.0,
            end: f64::from(index) * 2.0 + drifting(index),
            ..Run::default()
        };
        let recording =
            Recording { runs: (0..200).map(run).collect(), around: RecordingMeta::default() };
        let metrics = LevelMetrics::of(1, &recording, 0.0);
        let Ok(observed) = ObservedLevel::of(1, &recording, &recording.around);
        let target =
            Target { metric: Metric::WorkflowRuntime, quantile: Quantile::P95, limit: 1.0 };
        let found =
            PartDifference::of(&Level { metrics: &metrics, observed: &observed }, &target).unwrap();
        assert!(!found.repetitions);
        assert!((found.fastest - 1.0).abs() < 0.01 && (found.slowest - 1.6).abs() < 0.01);
    }
}
