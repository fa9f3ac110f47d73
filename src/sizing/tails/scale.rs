//! Scale of multiples: how wide they spread around their mean, as it changes with the load.

use super::local_distribution::DEPENDENCE;
use crate::sizing::misfit::{self, Residual};

/// Fewest runs that show a scale.
const FEWEST_RUNS: f64 = 6.0;
/// Standard deviation of multiples below which times are the same but for rounding.
const SAME: f64 = 1e-6;
/// Kurtosis (that of a normal distribution is 3) up to which a standard deviation is the scale of all
/// times. Beyond it, it is that of a few long runs, and mostly says how many of them there were by chance.
const LONG_TAILED: f64 = 6.0;
/// Smallest kurtosis, that of a uniform distribution.
const SHORT_TAILED: f64 = 1.8;
/// Part of the product of two sums below which their determinant is zero.
const NONE: f64 = 1e-9;

/// Moments of the multiples of a level.
#[derive(Clone, Copy)]
pub(super) struct Moments {
    /// Mean of the logarithm of the load that they met.
    at: f64,
    runs: f64,
    variance: f64,
    kurtosis: f64,
}

impl Moments {
    /// Computes them from multiples, each with the logarithm of its load and the number of times that it was
    /// seen; `None` of too few, or if all are equal.
    pub fn of(multiples: &(impl Iterator<Item = (f64, f64, f64)> + Clone)) -> Option<Self> {
        let sum = |of: &dyn Fn((f64, f64, f64)) -> f64| multiples.clone().map(of).sum::<f64>();
        let runs = sum(&|(_, _, count)| count);
        let mean = sum(&|(_, times, count)| count * times) / runs;
        let moment = |power| sum(&|(_, times, count)| count * (times - mean).powi(power)) / runs;
        let squares = moment(2);
        let seen = runs >= FEWEST_RUNS && squares > SAME.powi(2);
        seen.then(|| Self {
            at: sum(&|(at, _, count)| count * at) / runs,
            runs,
            variance: squares * runs / (runs - 1.0),
            kurtosis: moment(4) / squares.powi(2),
        })
    }
}

/// Scales of levels, where they differ by more than chance.
pub(super) struct Scales(Vec<Scale>);

/// Scale of a level's multiples.
#[derive(Clone, Copy)]
struct Scale {
    /// Logarithm of its load.
    at: f64,
    /// Logarithm of the standard deviation.
    log: f64,
    /// Standard error of that logarithm.
    error: f64,
}

impl Scales {
    /// Compares the levels; `None` if they differ by no more than chance lets expect, or if a standard deviation
    /// is no scale of their times.
    pub fn of(levels: &[Moments]) -> Option<Self> {
        let runs: f64 = levels.iter().map(|it| it.runs).sum();
        let kurtosis = levels.iter().map(|it| it.kurtosis * it.runs).sum::<f64>() / runs;
        if levels.len() < 2 || kurtosis > LONG_TAILED {
            return None;
        }
        // Variance of the logarithm of a standard deviation, by the delta method.
        let variance = |runs: f64| (kurtosis.max(SHORT_TAILED) - 1.0) / (4.0 * runs);
        let scale = |it: &Moments| Scale {
            at: it.at,
            log: it.variance.ln() / 2.0,
            error: DEPENDENCE * variance(it.runs).sqrt(),
        };
        let mut scales: Vec<Scale> = levels.iter().map(scale).collect();
        scales.sort_by(|a, b| a.at.total_cmp(&b.at));
        let weights: f64 = scales.iter().map(|it| it.error.powi(-2)).sum();
        let mean = scales.iter().map(|it| it.log / it.error.powi(2)).sum::<f64>() / weights;
        let of = |it: &Scale| Residual { off: it.log - mean, error: it.error, weight: 1.0 };
        let residuals: Vec<Residual> = scales.iter().map(of).collect();
        misfit::exceeds_expectation(&residuals, 1).then_some(Self(scales))
    }

    /// Returns the mean of the logarithms of all scales. `near` is the weight of a load.
    pub fn mean(&self, near: impl Fn(f64) -> f64) -> f64 {
        let weight = |it: &Scale| near(it.at) / it.error.powi(2);
        let sum: f64 = self.0.iter().map(weight).sum();
        self.0.iter().map(|it| weight(it) * it.log).sum::<f64>() / sum
    }

    /// Returns the logarithm of the scale at the logarithm of a load, from a line through the levels around it,
    /// and its standard error. Beyond the levels it is that at the end. `near` is the weight of a load.
    pub fn at(&self, at: f64, near: impl Fn(f64) -> f64) -> (f64, f64) {
        let ends = self.0.first().zip(self.0.last());
        let at = ends.map_or(at, |(first, last)| at.clamp(first.at, last.at));
        let near = |it: &Scale| (it.at - at, near(it.at) / it.error.powi(2));
        let sum = |of: &dyn Fn(&Scale, f64, f64) -> f64| -> f64 {
            self.0
                .iter()
                .map(|it| {
                    let (by, weight) = near(it);
                    of(it, by, weight)
                })
                .sum()
        };
        let weights = sum(&|_, _, weight| weight);
        let (first, second) =
            (sum(&|_, by, weight| weight * by), sum(&|_, by, weight| weight * by * by));
        let determinant = weights * second - first.powi(2);
        // Levels at one load show no line.
        let part = |by: f64, weight: f64| {
            if determinant > NONE * weights.powi(2) {
                weight * (second - first * by) / determinant
            } else {
                weight / weights
            }
        };
        let log = sum(&|it, by, weight| part(by, weight) * it.log);
        let variance = sum(&|it, by, weight| (part(by, weight) * it.error).powi(2));
        (log, variance.sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(load: f64, deviation: f64, runs: f64, kurtosis: f64) -> Moments {
        Moments { at: load.ln(), runs, variance: deviation.powi(2), kurtosis }
    }

    fn near(at: f64, centre: f64) -> f64 {
        (-0.5 * ((at - centre) / 0.7).powi(2)).exp()
    }

    /// A uniform distribution between 1 − w and 1 + w has the variance w² / 3 and the kurtosis 1.8.
    #[test]
    fn moments_are_those_of_a_uniform_distribution() {
        let at = |index: u32| 1.0 + 0.6 * (2.0 * (f64::from(index) + 0.5) / 1000.0 - 1.0);
        let found = Moments::of(&(0..1000).map(|index| (2.0, at(index), 1.0))).unwrap();
        assert!((found.variance / (0.36 / 3.0) - 1.0).abs() < 0.002, "{}", found.variance);
        assert!((found.kurtosis - 1.8).abs() < 0.01, "{}", found.kurtosis);
        assert!((found.at - 2.0).abs() < 1e-9);
        assert!(Moments::of(&(0..100).map(|_| (2.0, 1.0, 1.0))).is_none());
        assert!(Moments::of(&(0..5).map(|index| (2.0, at(index), 1.0))).is_none());
    }

    /// A scale that falls with a power of the load is a line between logarithms, which a local line meets exactly.
    #[test]
    fn a_scale_that_follows_a_power_of_the_load_is_found_between_levels() {
        let of = |load: f64| 0.5 * load.powf(-0.3);
        let levels = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0].map(|load| level(load, of(load), 400.0, 3.0));
        let scales = Scales::of(&levels).unwrap();
        for load in [1.0, 3.0, 11.0, 32.0_f64] {
            let (found, error) = scales.at(load.ln(), |it| near(it, load.ln()));
            assert!((found - of(load).ln()).abs() < 1e-9, "{load}: {found}");
            // Several levels tell more than one of them: √(2 / 4 / 400) and the dependence.
            assert!(error < 0.05 && error > 0.01, "{error}");
        }
        let mean = scales.mean(|_| 1.0);
        assert!((mean - of(32.0_f64.sqrt()).ln()).abs() < 1e-9, "{mean}");
        let beyond = scales.at(100.0_f64.ln(), |it| near(it, 32.0_f64.ln()));
        assert!((beyond.0 - of(32.0).ln()).abs() < 1e-9);
    }

    #[test]
    fn levels_that_chance_makes_differ_have_one_scale() {
        let alike = [0.30, 0.32, 0.31, 0.29].map(|it| level(10.0 * it, it, 60.0, 3.0));
        assert!(Scales::of(&alike).is_none());
        let long_tailed = [0.9, 0.7, 0.5, 0.3].map(|it| level(10.0 / it, it, 4000.0, 9.0));
        assert!(Scales::of(&long_tailed).is_none());
        let differ = [0.9, 0.7, 0.5, 0.3].map(|it| level(10.0 / it, it, 4000.0, 4.0));
        assert!(Scales::of(&differ).is_some());
        assert!(Scales::of(&differ[..1]).is_none());
    }
}
