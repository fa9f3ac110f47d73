use super::*;
use crate::sizing::{CapacityRange, Certainty, ObservedRun};

const CERTAINTY: Certainty = Certainty { confidence: 0.9, resamples: 300, seed: 1 };

/// Levels whose mean is flat at 2 s up to 16 runs in flight and in proportion from there on; a run
/// takes between 0.5 and 1.5 times the mean, evenly.
fn levels(concurrencies: &[u32], runs: u32, scale: f64) -> Vec<ObservedLevel> {
    let level = |&concurrency: &u32| {
        let concurrency = f64::from(concurrency);
        let mean = scale * 2.0 * (concurrency / 16.0).max(1.0);
        let run = |index: u32| {
            let position = (f64::from(index * 37 % runs) + 0.5) / f64::from(runs);
            let runtime = mean * (0.5 + position);
            ObservedRun {
                concurrency,
                runtime,
                llm_time: 0.8 * runtime,
                llm_calls: 2.0,
                prompt_tokens: None,
                completion_tokens: None,
                first_tokens: None,
            }
        };
        ObservedLevel { runs: (0..runs).map(run).collect(), ..ObservedLevel::default() }
    };
    concurrencies.iter().map(level).collect()
}

fn capacity(levels: &[ObservedLevel], limit: f64) -> CapacityRange {
    let levels: Vec<&ObservedLevel> = levels.iter().collect();
    let pooled = PooledModel::of_observed(&levels, &[], Metric::WorkflowRuntime, true).unwrap();
    pooled.capacity(Quantile::P95, limit, CERTAINTY, None).range(|drawn| drawn.concurrency)
}

#[test]
fn a_known_capacity_is_found() {
    // The p95 of an even spread is 1.45 means: 8.7 s are crossed at three times the knee.
    let found = capacity(&levels(&[1, 2, 4, 8, 16, 32, 64], 200, 1.0), 8.7);
    assert!((found.point - 48.0).abs() < 1.5, "{found:?}");
    assert!(found.low < 48.0 && 48.0 < found.high, "{found:?}");
    assert!(found.low <= found.at_least && found.at_least <= found.point);
    let beyond = capacity(&levels(&[1, 2, 4, 8, 16, 32], 200, 1.0), 8.7);
    assert!((beyond.point - 48.0).abs() < 2.5, "{beyond:?}");
    assert!(beyond.high - beyond.low > found.high - found.low, "further away, less certain");
}

#[test]
fn only_the_ratio_of_times_and_limit_counts() {
    for scale in [0.01, 7.0, 1000.0] {
        let one = capacity(&levels(&[1, 4, 16, 64], 50, 1.0), 6.0);
        let other = capacity(&levels(&[1, 4, 16, 64], 50, scale), 6.0 * scale);
        assert!((one.point / other.point - 1.0).abs() < 1e-6, "{one:?} {other:?}");
        assert!((one.low / other.low - 1.0).abs() < 1e-6, "{one:?} {other:?}");
    }
}

#[test]
fn a_looser_limit_is_never_worse() {
    let levels = levels(&[1, 2, 4, 8, 16, 32], 40, 1.0);
    let limits = (5..60).map(|tenths| f64::from(tenths) * 0.3);
    let found: Vec<CapacityRange> = limits.map(|limit| capacity(&levels, limit)).collect();
    for pair in found.windows(2) {
        assert!(pair[1].point >= pair[0].point * (1.0 - 1e-9), "{pair:?}");
    }
}

#[test]
fn a_curve_that_is_flat_as_far_as_it_was_seen_is_not_followed_for_ever() {
    let flat = levels(&[1, 2, 4], 50, 1.0);
    let found = capacity(&flat, 4.0);
    assert!(found.point <= 32.0 + 1e-9, "{found:?}");
    assert!(found.at_least < 0.7 * found.point, "{found:?}");
    // In proportion from the highest level on, a limit of 290 s is 100 times what it takes there.
    let saturated = capacity(&flat, 290.0);
    assert!((saturated.point - 400.0).abs() < 40.0, "{saturated:?}");
}

#[test]
fn the_same_runs_give_the_same_figures() {
    let levels = levels(&[1, 8, 64], 30, 1.0);
    assert_eq!(capacity(&levels, 5.0), capacity(&levels, 5.0));
}

#[test]
fn as_many_more_runs_as_it_says_halve_the_interval() {
    // Long tails: a run takes 0.2 to 4.2 times the mean, most of them little.
    let long = |concurrencies: &[u32], runs: u32| {
        let mut levels = levels(concurrencies, runs, 1.0);
        for run in levels.iter_mut().flat_map(|level| &mut level.runs) {
            let mean = 2.0 * (run.concurrency / 16.0).max(1.0);
            run.runtime = mean * (0.2 + 4.0 * (run.runtime / mean - 0.5).powi(4));
            run.llm_time = 0.8 * run.runtime;
        }
        levels
    };
    let mut measured = long(&[1, 4, 16, 32, 64, 128], 30);
    // Three times the knee, where the p95 is 3.46 times the mean.
    let found = |levels: &[ObservedLevel]| capacity(levels, 20.8);
    let width = |range: CapacityRange| (range.high / range.low).ln();
    let before = found(&measured);
    let refs: Vec<&ObservedLevel> = measured.iter().collect();
    let pooled = PooledModel::of_observed(&refs, &[], Metric::WorkflowRuntime, true).unwrap();
    let ends = (before.low, before.high);
    let (level, runs) = pooled.runs_to_halve(ends, 48.0, Quantile::P95, 0.9).unwrap();
    assert_eq!(level.to_string(), "48");
    let runs: u32 = runs.to_string().parse().unwrap();
    measured.extend(long(&[48], runs));
    let share = width(found(&measured)) / width(before);
    assert!((0.35..0.65).contains(&share), "{runs} runs: {share}");
    // What the model misses by itself, no number of runs makes less.
    assert_eq!(pooled.runs_to_halve((45.0, 51.0), 48.0, Quantile::P95, 0.9), None);
}

/// `scipy.stats.norm.isf`.
#[test]
fn deviates_are_those_of_the_normal_distribution() {
    for (probability, expected) in [(0.05, 1.6449), (0.025, 1.9600), (0.005, 2.5758), (0.4, 0.2533)]
    {
        assert!((deviate(probability) - expected).abs() < 5e-4, "{probability}");
    }
}

#[test]
fn more_runs_make_it_narrower() {
    let width = |runs| {
        let found = capacity(&levels(&[1, 4, 16, 64], runs, 1.0), 6.0);
        (found.high / found.low).ln()
    };
    // The 3.5 % of the model are in both.
    assert!(width(400) < 0.75 * width(40), "{} {}", width(400), width(40));
}

/// Of 200 runs 4 failed; half of the others are warm-up and cool-down, and each has three calls.
#[test]
fn failed_runs_are_as_many_beside_what_is_kept_as_they_were_beside_all() {
    let failed = FailedRuns { concurrency: 8.0, failed: 4, others: 196 };
    let kept = |count: usize| vec![Sample::new(8.0, 1.0); count];
    assert!((failed.beside(&kept(98)) - 2.0).abs() < 1e-9);
    assert!((failed.beside(&kept(3 * 98)) - 6.0).abs() < 1e-9);
    let all = FailedRuns { others: 0, ..failed };
    assert!((all.beside(&[]) - 4.0).abs() < 1e-9);
}
