//! Slow runs that come together, as from pauses of the server: each such episode is one chance, not many.
//!
//! Runs in flight at the same time meet the same pause, so the slowest runs of a level begin one after the other. Where
//! they do so by more than chance, the evidence of the runs is that of fewer: as many as their design effect says
//! (Kish, 1965) have that of one.

use crate::measure::Metric;
use crate::sizing::observed::ObservedLevel;

/// Share of the slowest runs whose neighbours are looked at.
const SLOWEST: f64 = 0.1;
/// Fewest runs of a level that show how the slowest lie.
const FEWEST_RUNS: usize = 20;
/// Fewest waves of runs: those that begin together, as at the start of a level, are alike without a pause.
const FEWEST_WAVES: f64 = 4.0;
/// Fewest runs in flight: of fewer, hardly any share a pause.
const FEWEST_IN_FLIGHT: f64 = 4.0;
/// Standard errors by which pairs of slow neighbours are too many. Of 850 simulated levels without pauses, 2 exceed it;
/// of levels that a pause hits, nearly all.
const STANDARD_ERRORS: f64 = 4.0;
/// Smallest number of pairs to expect: below it, a Poisson variable is too skewed to be held against its standard
/// deviation.
const FEWEST_PAIRS: f64 = 0.3;
/// Multiple of the expected pairs that they are at least: where runs queue, slow ones follow each other a little more
/// often than chance has it, which many runs show.
const FAR_MORE: f64 = 3.0;
/// Factors below and above the answer within which levels are looked at: what pauses do to lower levels, they do to
/// it as well.
const AROUND: std::ops::RangeInclusive<f64> = 0.249_999..=2.000_001;

/// Times of a level in the order in which its runs began.
pub(super) struct Sequence {
    /// Runs in flight.
    in_flight: f64,
    seconds: Vec<f64>,
    /// True if the slowest begin one after the other.
    has_episodes: bool,
}

impl Sequence {
    /// Takes the times of a level's runs; `None` if its order says nothing of the server, or for metrics of parts of a
    /// call.
    pub fn of(level: &ObservedLevel, metric: Metric) -> Option<Self> {
        let in_flight = level.highest_met()?;
        let waits =
            level.runs.len() >= FEWEST_RUNS && level.runs.len() as f64 >= FEWEST_WAVES * in_flight;
        if level.unsteady || !waits || in_flight < FEWEST_IN_FLIGHT {
            return None;
        }
        let runs = level.runs.iter();
        let seconds: Vec<f64> = match metric {
            Metric::WorkflowRuntime => runs.map(|run| run.runtime).collect(),
            Metric::LlmLatency => runs.map(|run| run.llm_time / run.llm_calls.max(1.0)).collect(),
            _ => return None,
        };
        Some(Self::of_times(in_flight, seconds))
    }

    fn of_times(in_flight: f64, seconds: Vec<f64>) -> Self {
        let has_episodes = has_episodes(&seconds);
        Self { in_flight, seconds, has_episodes }
    }

    /// Counts the runs over a limit (seconds) in blocks of as many runs as are in flight.
    fn over(&self, limit: f64) -> BlockCounts {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of runs in flight"
        )]
        let block = (self.in_flight.round() as usize).max(2);
        let of_block = |runs: &[f64]| runs.iter().filter(|it| **it > limit).count() as f64;
        let counts: Vec<f64> = self.seconds.chunks_exact(block).map(of_block).collect();
        let over: f64 = counts.iter().sum();
        let mean = over / counts.len().max(1) as f64;
        let free = counts.len().saturating_sub(1) as f64;
        BlockCounts {
            over,
            squares: counts.iter().map(|count| (count - mean).powi(2)).sum(),
            expected: free * mean * (1.0 - mean / block as f64),
        }
    }
}

/// Returns true if the slowest runs begin one after the other by more than chance: each of `k` among `n` has a slow
/// successor with a probability of `(k − 1) / n`, and the number of such pairs is close to a Poisson variable.
fn has_episodes(seconds: &[f64]) -> bool {
    let all = seconds.len() as f64;
    let mut ordered = seconds.to_vec();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a number of runs"
    )]
    let place = (all * (1.0 - SLOWEST)) as usize;
    if place >= ordered.len() {
        return false;
    }
    let slow = *ordered.select_nth_unstable_by(place, f64::total_cmp).1;
    let count = seconds.iter().filter(|it| **it >= slow).count() as f64;
    let pairs = seconds.windows(2).filter(|pair| pair.iter().all(|it| *it >= slow)).count() as f64;
    let expected = count * (count - 1.0) / all;
    count <= 2.0 * SLOWEST * all
        && pairs >= FAR_MORE * expected
        && pairs > expected + STANDARD_ERRORS * expected.max(FEWEST_PAIRS).sqrt()
}

/// Numbers of runs over a limit in blocks.
#[derive(Default)]
struct BlockCounts {
    /// Their sum.
    over: f64,
    /// Sum of their squared distances from the mean.
    squares: f64,
    /// That of independent runs.
    expected: f64,
}

/// Slow runs that come together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::sizing) struct Clusters {
    /// Number of runs that have the evidence of one.
    pub runs_for_one: f64,
    /// Number of independent ones that the runs over the limit are worth.
    pub episodes: f64,
}

impl Clusters {
    /// Looks for them at the levels around a load, for a limit (seconds).
    pub(super) fn of(sequences: &[Sequence], limit: f64, load: f64) -> Option<Self> {
        let is_near = |it: &&Sequence| AROUND.contains(&(it.in_flight / load));
        let near = || sequences.iter().filter(is_near);
        if !near().any(|it| it.has_episodes) {
            return None;
        }
        let sum =
            near().map(|it| it.over(limit)).fold(BlockCounts::default(), |a, b| BlockCounts {
                over: a.over + b.over,
                squares: a.squares + b.squares,
                expected: a.expected + b.expected,
            });
        let effect = if sum.expected > 0.0 { sum.squares / sum.expected } else { 1.0 };
        let runs_for_one = effect.max(1.0);
        Some(Self { runs_for_one, episodes: sum.over / runs_for_one })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(in_flight: f64, runs: usize, is_slow: impl Fn(usize) -> bool) -> Sequence {
        let seconds = |index: usize| {
            let spread = (index as f64 * 0.618_033_988_749_894_9).fract();
            if is_slow(index) { 9.0 + spread } else { 1.0 + spread }
        };
        Sequence::of_times(in_flight, (0..runs).map(seconds).collect())
    }

    /// One block of ten slow runs in ten blocks: variance 10, where independent runs have 0.9.
    #[test]
    fn runs_that_are_slow_together_count_as_one() {
        let of = |slow: std::ops::Range<usize>| {
            Clusters::of(&[level(10.0, 100, |index| slow.contains(&index))], 3.0, 12.0).unwrap()
        };
        let whole = of(30..40);
        assert!((whole.runs_for_one - 10.0 / 0.9).abs() < 1e-9, "{whole:?}");
        assert!((whole.episodes - 0.9).abs() < 1e-9, "{whole:?}");
        // Half of it in each of two blocks.
        assert!((of(35..45).runs_for_one - 40.0 / 9.0 / 0.9).abs() < 1e-9);
        // At a load far from there, nothing is known of it.
        let far = Clusters::of(&[level(10.0, 100, |index| index < 10)], 3.0, 41.0);
        assert_eq!(far, None);
    }

    #[test]
    fn slow_runs_that_lie_anywhere_are_each_a_chance() {
        for in_flight in [4.0, 10.0, 16.0] {
            let apart = level(in_flight, 400, |index| index % 12 == 5);
            assert_eq!(Clusters::of(&[apart], 3.0, in_flight), None);
        }
        // All run times alike, as of a coarse clock.
        let alike = Sequence::of_times(8.0, vec![1.0; 100]);
        assert_eq!(Clusters::of(&[alike], 0.5, 8.0), None);
        assert_eq!(Clusters::of(&[], 3.0, 8.0), None);
    }

    /// Independent times of a seeded generator: chance makes pairs, but never so many.
    #[test]
    fn chance_makes_no_episodes() {
        use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
        let mut flagged = 0;
        for _ in 0..1000 {
            let seconds: Vec<f64> = (0..120).map(|_| rng.random()).collect();
            flagged += u32::from(has_episodes(&seconds));
        }
        assert!(flagged <= 5, "{flagged} of 1000");
    }
}
