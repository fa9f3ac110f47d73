//! Drift: comparison of levels that were measured twice, to tell whether the rig has changed.

use super::finding::Finding;
use crate::measure::{LevelMetrics, PreviousFigures};

/// Fewest standard errors of their difference by which two means differ.
const STANDARD_ERRORS: f64 = 4.0;
/// Factor on each standard error, since runs that share a queue are not independent.
const WIDER: f64 = 1.15;
/// Smallest relative difference of two means.
const SHARE: f64 = 0.05;

/// Finds the levels that differed when they were measured again.
pub(super) fn findings(levels: &[LevelMetrics]) -> impl Iterator<Item = Finding> {
    levels.iter().filter_map(finding)
}

fn finding(level: &LevelMetrics) -> Option<Finding> {
    let (before, now) = (level.before?, level.workflow_runtime?);
    let now =
        PreviousFigures { runs: now.count, mean: now.mean, p95: now.p95, sd: level.runtime_sd? };
    let level = level.concurrency;
    let (was, is) = (before.mean, now.mean);
    has_drifted(before, now).then_some(Finding::Drifted { level, before: was, now: is })
}

/// Returns true if two means differ by more than noise.
fn has_drifted(before: PreviousFigures, now: PreviousFigures) -> bool {
    let squared_error = |it: PreviousFigures| it.sd.powi(2) / (it.runs as f64).max(1.0);
    let error = WIDER * (squared_error(before) + squared_error(now)).sqrt();
    let difference = (now.mean - before.mean).abs();
    difference > STANDARD_ERRORS * error && difference > SHARE * before.mean
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Recording, RecordingMeta, Run};

    fn before(runs: u64, mean: f64, sd: f64) -> PreviousFigures {
        PreviousFigures { runs, mean, p95: mean, sd }
    }

    #[test]
    fn noise_is_no_drift() {
        // Standard error of the difference: 1.15 × √(2 × 0.3² / 100) = 0.0488.
        let was = before(100, 1.0, 0.3);
        assert!(!has_drifted(was, before(100, 1.19, 0.3)));
        assert!(
            has_drifted(was, before(100, 1.20, 0.3)) && has_drifted(was, before(100, 0.8, 0.3))
        );
        // However sure, a twentieth is nothing to speak of.
        assert!(!has_drifted(before(10_000, 1.0, 0.01), before(10_000, 1.049, 0.01)));
        assert!(has_drifted(before(10_000, 1.0, 0.01), before(10_000, 1.051, 0.01)));
    }

    #[test]
    fn a_slower_rig_is_told_with_both_figures() {
        let run = |index: u32| Run {
            start: f64::from(index),
            end: f64::from(index) + 1.7 + 0.02 * f64::from(index % 2),
            ..Run::default()
        };
        let around = |before| RecordingMeta { before, ..RecordingMeta::default() };
        let level = |before| {
            let recording = Recording { runs: (0..50).map(run).collect(), around: around(before) };
            LevelMetrics::of(32, &recording, 0.0)
        };
        let found = |before| findings(&[level(before)]).collect::<Vec<_>>();
        let [Finding::Drifted { level: 32, before: was, now }] =
            found(Some(before(80, 1.42, 0.1)))[..]
        else {
            panic!("a rig that got slower")
        };
        assert!((was - 1.42).abs() < 1e-12 && (now - 1.71).abs() < 1e-9);
        assert!(found(Some(before(80, 1.70, 0.1))).is_empty() && found(None).is_empty());
    }
}
