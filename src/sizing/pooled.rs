//! The method `monotone`: a mean curve of the right shape, times a tail that is pooled over the
//! levels around the answer.
//!
//! A p95 of few runs is very noisy, a mean far less so, and the shape of the distribution around the
//! mean changes slowly from level to level. So the mean is fitted over all levels ([`Curve`]), every
//! run is taken as a multiple of the mean at its level, and the quantile is that of all multiples,
//! those of the levels around the answer counting most. docs/estimators.md has the whole of it.

use super::carried::{Carried, CarriedDraws, Certainty};
use super::curve::{Curve, Seen, Shape};
use super::means::{BINS, Sample, means, means_of_runs, runtimes, wait_for_one_more};
use super::observed::{Observations, ObservedLevel};
use crate::measure::{Metric, Quantile};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::{Distribution, StandardNormal};

/// Levels whose concurrency is this far away, as a logarithm, count e^(-1/2) as much.
pub(super) const REACH: f64 = 1.2;
/// The same for times that are a part of a call: their distribution is another where calls queue.
const REACH_OF_PARTS: f64 = 0.5;
/// Rounds in which the answer and the weights around it agree with each other.
const ROUNDS: usize = 6;
/// Runs of a level wait for each other, so they say less than as many independent ones.
const DEPENDENCE: f64 = 1.15;
/// Spread of the error, as a logarithm, where no load was ever steady.
const UNSTEADY: f64 = 0.15;
/// Spread of the error, as a logarithm, for each e-fold beyond the highest level.
const EXTRAPOLATION: f64 = 0.1;
/// No estimate goes further beyond the highest level than this many times: a curve that is flat as
/// far as it was seen says nothing of where it ends. More only where even a rig that is saturated
/// from the highest level on carries more.
const FURTHEST: f64 = 8.0;
/// Least and most that a rig is said to carry.
const LEAST: f64 = 0.01;
const MOST: f64 = 1e8;

/// All that was observed of a metric, ready to be asked.
pub struct Pooled {
    seen: Vec<Seen>,
    /// Standard deviation of the logarithm of a mean over one run.
    noise: f64,
    curve: Curve,
    shape: Shape,
    reach: f64,
    /// Multiples of the mean, ascending, with the logarithm of their concurrency.
    multiples: Vec<(f64, f64)>,
    unsteady: bool,
    highest: f64,
    /// Seconds that each further run in flight costs a rig that is saturated at the highest level.
    saturated_slope: f64,
    /// Whether all runs met the same load: then nothing shows how time grows with it.
    one_load: bool,
}

/// Multiples of a mean, ascending, each with the share of times up to there.
pub(super) struct Spread {
    shares: Vec<(f64, f64)>,
}

impl Spread {
    /// The share of times up to a multiple of their mean: the inverse of the pooled quantile.
    pub fn up_to(&self, multiple: f64) -> f64 {
        let above = self.shares.partition_point(|(at, _)| *at <= multiple);
        let before = above.checked_sub(1).and_then(|index| self.shares.get(index));
        match (before, self.shares.get(above)) {
            (Some((from, low)), Some((to, high))) => {
                low + (high - low) * (multiple - from) / (to - from)
            }
            (None, _) => 0.0,
            (_, None) => 1.0,
        }
    }
}

impl Pooled {
    /// Pools the levels; `None` where the metric was not seen.
    pub fn of(levels: &[&ObservedLevel], metric: Metric) -> Option<Self> {
        let of_calls = |calls: fn(&ObservedLevel) -> &Observations| -> Vec<Sample> {
            let calls = levels.iter().flat_map(|level| calls(level));
            calls.map(|&(concurrency, seconds)| Sample { concurrency, seconds }).collect()
        };
        let samples = match metric {
            Metric::WorkflowRuntime => runtimes(levels),
            Metric::LlmLatency => of_calls(|level| &level.calls),
            Metric::Ttft => of_calls(|level| &level.first_tokens),
            Metric::Itl => of_calls(|level| &level.gaps),
        };
        let samples: Vec<Sample> = samples.into_iter().filter(|it| it.seconds > 0.0).collect();
        let (seen, noise) = match metric {
            Metric::WorkflowRuntime => means_of_runs(levels),
            _ => means(&samples),
        };
        let shape = Shape::of(metric);
        let reach = if shape == Shape::ClosedLoop { REACH } else { REACH_OF_PARTS };
        let curve = Curve::fit(&seen, shape)?;
        let multiple = |it: &Sample| (it.seconds / curve.at(it.concurrency), it.concurrency.ln());
        let mut multiples: Vec<(f64, f64)> = samples.iter().map(multiple).collect();
        multiples.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let highest = seen.last()?.concurrency;
        let saturated_slope = match metric {
            // All of the wait behind a full batch comes before the first token.
            Metric::Ttft => wait_for_one_more(levels)?,
            _ => curve.at(highest) / highest,
        };
        let unsteady = levels.iter().any(|level| level.unsteady);
        let one_load = levels.len() < 2;
        Some(Self {
            seen,
            noise,
            curve,
            shape,
            reach,
            multiples,
            unsteady,
            highest,
            saturated_slope,
            one_load,
        })
    }

    /// Whether a capacity would be a guess: it lies beyond the only load that there was.
    pub fn is_a_guess(&self, carried: f64) -> bool {
        self.one_load && carried > self.highest
    }

    /// The quantile at a concurrency, in seconds, with the tail of the levels around it.
    pub fn at(&self, concurrency: f64, quantile: Quantile) -> f64 {
        self.curve.at(concurrency) * self.tail(concurrency, quantile.share()).0
    }

    /// The mean at a concurrency, in seconds.
    pub fn mean(&self, concurrency: f64) -> f64 {
        self.curve.at(concurrency)
    }

    /// The mean that was seen at a concurrency.
    pub(super) fn seen_at(&self, concurrency: f64) -> Option<f64> {
        Some(self.bin(concurrency)?.seconds)
    }

    /// What all other levels make one expect at a concurrency between them, and the standard error of
    /// the logarithm of what was seen there.
    pub(super) fn expected_from_others(&self, concurrency: f64) -> Option<(f64, f64)> {
        let bin = self.bin(concurrency)?;
        let others: Vec<Seen> = self.seen.iter().filter(|seen| *seen != bin).copied().collect();
        let curve = Curve::fit(&others, self.shape)?;
        (bin.concurrency < self.highest)
            .then(|| (curve.at(bin.concurrency), DEPENDENCE * self.noise / bin.weight.sqrt()))
    }

    fn bin(&self, concurrency: f64) -> Option<&Seen> {
        let same = |seen: &&Seen| (seen.concurrency / concurrency).ln().abs() < 0.5 / BINS;
        self.seen.iter().find(same)
    }

    /// The level, and about how many more runs there, that would halve the interval of a capacity: what is
    /// uncertain about mean and tail shrinks with the root of the runs that count around it.
    pub(super) fn runs_to_halve(&self, capacity: f64, quantile: Quantile) -> (f64, f64) {
        let (_, runs) = self.tail(capacity, quantile.share());
        (capacity.clamp(1.0, MOST).round(), (3.0 * runs).ceil())
    }

    /// How times spread around their mean at the levels around a concurrency.
    pub(super) fn spread_around(&self, concurrency: f64) -> Spread {
        let weights = self.weights(concurrency);
        let sum: f64 = weights.iter().sum();
        let mut below = 0.0;
        let of = |(&(multiple, _), weight): (&(f64, f64), &f64)| {
            let middle = (below + weight / 2.0) / sum;
            below += weight;
            (multiple, middle)
        };
        Spread { shares: std::iter::zip(&self.multiples, &weights).map(of).collect() }
    }

    /// What the rig carries within a limit (seconds). `runtime` is what was observed of whole runs,
    /// where that is something else.
    pub fn capacity(
        &self,
        quantile: Quantile,
        limit: f64,
        certainty: Certainty,
        runtime: Option<&Self>,
    ) -> CarriedDraws {
        let mean_runtime =
            |own: &Curve, concurrency: f64| runtime.map_or(own, |it| &it.curve).at(concurrency);
        let share = quantile.share();
        let mut point = self.highest;
        let mut tail = 1.0;
        let mut runs = 1.0;
        for _ in 0..ROUNDS {
            (tail, runs) = self.tail(point, share);
            point = self.carried(&self.curve, limit / tail);
        }
        let spread = DEPENDENCE * self.tail_spread(point, share, runs);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(certainty.seed);
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        let mut drawn = Vec::with_capacity(certainty.resamples);
        for _ in 0..certainty.resamples {
            let again: Vec<Seen> = self
                .seen
                .iter()
                .map(|seen| {
                    let error = DEPENDENCE * self.noise / seen.weight.sqrt() * normal();
                    Seen { seconds: seen.seconds * error.exp(), ..*seen }
                })
                .collect();
            let error = spread * normal() + if self.unsteady { UNSTEADY * normal() } else { 0.0 };
            let share_of_saturation = (normal().abs() / 4.0).min(1.0);
            let Some(curve) = Curve::fit(&again, self.shape) else { continue };
            let within = limit / (tail * error.exp());
            let carried = self.carried(&curve, within);
            let concurrency = if carried > self.highest {
                // Beyond the last level the truth lies between its slope, and a rig that is saturated
                // from there on.
                let saturated = self.saturated(&curve, within).ln() * share_of_saturation;
                let between = saturated + carried.ln() * (1.0 - share_of_saturation);
                let beyond = (between - self.highest.ln()).max(0.0);
                (between + EXTRAPOLATION * beyond * normal()).exp()
            } else {
                carried
            };
            drawn.push(Carried { concurrency, mean_runtime: mean_runtime(&curve, concurrency) });
        }
        let point = Carried { concurrency: point, mean_runtime: mean_runtime(&self.curve, point) };
        CarriedDraws { point, drawn, confidence: certainty.confidence }
    }

    /// The concurrency at which a curve reaches a mean time, as far as that can be said.
    fn carried(&self, curve: &Curve, seconds: f64) -> f64 {
        let furthest = (FURTHEST * self.highest).max(self.saturated(curve, seconds));
        curve.reaches(seconds).min(furthest).clamp(LEAST, MOST)
    }

    /// The same for a rig whose throughput stays what it was at the highest level.
    fn saturated(&self, curve: &Curve, seconds: f64) -> f64 {
        let further = (seconds - curve.at(self.highest)) / self.saturated_slope;
        (self.highest + further).clamp(LEAST, MOST)
    }

    /// A quantile of the multiples around a concurrency, and how many runs it is worth.
    fn tail(&self, concurrency: f64, share: f64) -> (f64, f64) {
        let weights = self.weights(concurrency);
        let sum: f64 = weights.iter().sum();
        let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
        (self.weighted_quantile(&weights, sum, share), sum * sum / squares)
    }

    /// Standard deviation of the logarithm of that quantile, from the order statistics around it.
    fn tail_spread(&self, concurrency: f64, share: f64, runs: f64) -> f64 {
        let weights = self.weights(concurrency);
        let sum: f64 = weights.iter().sum();
        let step = (share * (1.0 - share) / runs).sqrt();
        let at = |share: f64| self.weighted_quantile(&weights, sum, share.clamp(0.001, 0.999)).ln();
        (at(share + step) - at(share - step)) / 2.0
    }

    fn weights(&self, concurrency: f64) -> Vec<f64> {
        let lowest = self.seen.first().map_or(1.0, |seen| seen.concurrency);
        let centre = concurrency.clamp(lowest, self.highest).ln();
        let weight = |(_, at): &(f64, f64)| (-0.5 * ((at - centre) / self.reach).powi(2)).exp();
        self.multiples.iter().map(weight).collect()
    }

    /// By linear interpolation between the middles of the weights.
    fn weighted_quantile(&self, weights: &[f64], sum: f64, share: f64) -> f64 {
        let wanted = share * sum;
        let mut below = 0.0;
        let mut last: Option<(f64, f64)> = None;
        for ((multiple, _), weight) in std::iter::zip(&self.multiples, weights) {
            let middle = below + weight / 2.0;
            if middle >= wanted {
                return match last {
                    Some((before, at)) if middle > at => {
                        before + (multiple - before) * (wanted - at) / (middle - at)
                    }
                    _ => *multiple,
                };
            }
            last = Some((*multiple, middle));
            below += weight;
        }
        last.map_or(1.0, |(multiple, _)| multiple)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sizing::{CarriedRange, ObservedRun};

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
                ObservedRun { concurrency, runtime, llm_time: 0.8 * runtime, llm_calls: 2.0 }
            };
            ObservedLevel { runs: (0..runs).map(run).collect(), ..ObservedLevel::default() }
        };
        concurrencies.iter().map(level).collect()
    }

    fn capacity(levels: &[ObservedLevel], limit: f64) -> CarriedRange {
        let levels: Vec<&ObservedLevel> = levels.iter().collect();
        let pooled = Pooled::of(&levels, Metric::WorkflowRuntime).unwrap();
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
        let found: Vec<CarriedRange> = limits.map(|limit| capacity(&levels, limit)).collect();
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
        let width = |levels: &[ObservedLevel]| {
            let found = capacity(levels, 8.7);
            (found.high / found.low).ln()
        };
        let mut measured = levels(&[1, 4, 16, 32, 64, 128], 60, 1.0);
        let before = width(&measured);
        let refs: Vec<&ObservedLevel> = measured.iter().collect();
        let pooled = Pooled::of(&refs, Metric::WorkflowRuntime).unwrap();
        let (level, runs) = pooled.runs_to_halve(48.0, Quantile::P95);
        assert_eq!(level.to_string(), "48");
        let runs = runs.to_string().parse().unwrap();
        measured.extend(levels(&[48], runs, 1.0));
        let share = width(&measured) / before;
        assert!((0.35..0.65).contains(&share), "{runs} runs: {share}");
    }

    #[test]
    fn more_runs_make_it_narrower() {
        let width = |runs| {
            let found = capacity(&levels(&[1, 4, 16, 64], runs, 1.0), 6.0);
            (found.high / found.low).ln()
        };
        assert!(width(400) < 0.6 * width(40), "{} {}", width(400), width(40));
    }
}
