//! Confidence intervals of quantiles from order statistics, which assume nothing about the
//! distribution (W. J. Conover, "Practical Nonparametric Statistics", 3.2).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Confidence level of the intervals of quantiles, half of the rest on either side. At this level,
/// 59 values bound their p95 from above.
pub const CONFIDENCE: f64 = 0.9;

/// A confidence interval of a quantile; an end is null where there are too few values to bound it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Lower bound of the quantile.
    pub low: Option<f64>,
    /// Upper bound of the quantile.
    pub high: Option<f64>,
}

/// Returns the positions, among `count` ascending values, of the ends of an interval that holds the
/// quantile `share` (0 to 1) with a probability of at least [`CONFIDENCE`].
///
/// The number of values at or below the quantile is binomial; an end is the value whose rank that
/// number passes with no more than half of the remaining probability.
pub(super) fn positions(count: usize, share: f64) -> (Option<usize>, Option<usize>) {
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let (mut low, mut high) = (None, None);
    let (first, masses) = binomial(count, share);
    let mut below = 0.0;
    for (position, mass) in (first..).zip(masses) {
        below += mass;
        if below <= tail {
            low = Some(position);
        }
        if below >= 1.0 - tail {
            high = Some(position).filter(|position| *position < count);
            break;
        }
    }
    (low, high)
}

/// Returns the number of values needed to bound the quantile `share` (0 to 1) from above: the
/// smallest `n` whose largest value exceeds it with all but half of the remaining probability.
pub fn runs_to_bound(share: f64) -> u64 {
    let tail = (1.0 - CONFIDENCE) / 2.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and a float-to-int cast saturates"
    )]
    let runs = (tail.ln() / share.ln()).ceil() as u64;
    runs
}

/// Returns the probability of at most `successes` successes in `trials` independent trials
/// (binomial CDF).
pub fn at_most(successes: usize, trials: usize, chance: f64) -> f64 {
    let (first, masses) = binomial(trials, chance);
    let counted = (successes + 1).saturating_sub(first).min(masses.len());
    masses.iter().take(counted).sum::<f64>().min(1.0)
}

/// Computes the binomial distribution around its mode: the first number of successes, and the
/// probabilities from there on. Beyond twelve standard deviations from the mode they are negligible
/// and left out.
fn binomial(trials: usize, chance: f64) -> (usize, Vec<f64>) {
    let n = trials as f64;
    let reach = 12.0 * (n * chance * (1.0 - chance)).sqrt() + 12.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the number of trials"
    )]
    let (mode, reach) = (((n + 1.0) * chance).floor().min(n) as usize, reach as usize);
    let (first, last) = (mode.saturating_sub(reach), mode.saturating_add(reach).min(trials));
    let odds = chance / (1.0 - chance);
    // From the mode outwards, by the ratio of neighbours, with the mode's own as the unit.
    let mut masses = vec![1.0];
    let mut mass = 1.0;
    for k in (first..mode).rev() {
        mass = mass * (k as f64 + 1.0) / (n - k as f64) / odds;
        masses.push(mass);
    }
    masses.reverse();
    let mut mass = 1.0;
    for k in mode..last {
        mass = mass * (n - k as f64) / (k as f64 + 1.0) * odds;
        masses.push(mass);
    }
    let total: f64 = masses.iter().sum();
    for mass in &mut masses {
        *mass /= total;
    }
    (first, masses)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Zero-based `scipy.stats.binom.ppf(0.05, n, p)` and `ppf(0.95, n, p)`, the former less one
    /// where its probability exceeds 0.05.
    #[test]
    fn positions_are_those_of_the_binomial_distribution() {
        for (count, share, expected) in EXPECTED {
            assert_eq!(positions(*count, *share), *expected, "{count} values, {share}");
        }
    }

    type Positions = (Option<usize>, Option<usize>);

    const EXPECTED: &[(usize, f64, Positions)] = &[
        (0, 0.95, (None, None)),
        (1, 0.5, (None, None)),
        (4, 0.95, (Some(2), None)),
        (58, 0.95, (Some(51), None)),
        (59, 0.95, (Some(52), Some(58))),
        (100, 0.5, (Some(41), Some(58))),
        (100, 0.95, (Some(90), Some(98))),
        (1000, 0.99, (Some(984), Some(995))),
        (10_000_000, 0.95, (Some(9_498_865), Some(9_501_133))),
    ];

    /// `scipy.stats.binom.cdf`.
    #[test]
    fn at_most_is_the_distribution_function() {
        for (successes, trials, chance, expected) in [
            (0, 59, 0.05, 0.048_494_5),
            (5, 20, 0.05, 0.999_670_7),
            (20, 20, 0.05, 1.0),
            (60, 1000, 0.05, 0.932_937_5),
            (30, 1000, 0.05, 0.001_277_1),
        ] {
            let found = at_most(successes, trials, chance);
            assert!((found - expected).abs() < 1e-6, "{successes} of {trials}: {found}");
        }
    }

    #[test]
    fn fifty_nine_runs_bound_a_p95() {
        assert_eq!([0.5, 0.9, 0.95, 0.99].map(runs_to_bound), [5, 29, 59, 299]);
    }
}
