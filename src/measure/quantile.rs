//! Quantiles computed as numpy's default does, so that figures compare with the reference
//! calculator's.

use super::interval::{Interval, positions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The quantiles that every level reports and that a target can be set on.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Quantile {
    /// The median.
    P50,
    /// The 90th percentile.
    P90,
    /// The 95th percentile: the default of every target.
    P95,
    /// The 99th percentile.
    P99,
}

impl Quantile {
    /// All quantiles, ascending.
    pub const ALL: [Self; 4] = [Self::P50, Self::P90, Self::P95, Self::P99];

    /// Returns the quantile as a share between 0 and 1.
    pub fn share(self) -> f64 {
        match self {
            Self::P50 => 0.50,
            Self::P90 => 0.90,
            Self::P95 => 0.95,
            Self::P99 => 0.99,
        }
    }

    /// Returns the key in specs and results, such as `p95`.
    pub fn key(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
        }
    }
}

impl fmt::Display for Quantile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// Name of a quantile: those of times count from the fastest, those of a rate from the slowest.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum QuantileName {
    /// The median.
    P50,
    /// The 90th percentile.
    P90,
    /// The 95th percentile.
    P95,
    /// The 99th percentile.
    P99,
    /// The 10th percentile, which 90 % reach.
    P10,
    /// The 5th percentile, which 95 % reach.
    P05,
    /// The 1st percentile, which 99 % reach.
    P01,
}

impl QuantileName {
    /// Returns the name of a quantile.
    pub fn of(quantile: Quantile) -> Self {
        match quantile {
            Quantile::P50 => Self::P50,
            Quantile::P90 => Self::P90,
            Quantile::P95 => Self::P95,
            Quantile::P99 => Self::P99,
        }
    }

    /// Returns the name of the quantile of reciprocals that is the reciprocal of a quantile.
    pub fn of_reciprocal(quantile: Quantile) -> Self {
        match quantile {
            Quantile::P50 => Self::P50,
            Quantile::P90 => Self::P10,
            Quantile::P95 => Self::P05,
            Quantile::P99 => Self::P01,
        }
    }

    /// Returns the quantile of the times: itself, or that whose reciprocal it is.
    pub fn of_times(self) -> Quantile {
        match self {
            Self::P50 => Quantile::P50,
            Self::P90 | Self::P10 => Quantile::P90,
            Self::P95 | Self::P05 => Quantile::P95,
            Self::P99 | Self::P01 => Quantile::P99,
        }
    }

    /// Returns the key in specs and results, such as `p05`.
    pub fn key(self) -> &'static str {
        match self {
            Self::P50 | Self::P90 | Self::P95 | Self::P99 => self.of_times().key(),
            Self::P10 => "p10",
            Self::P05 => "p05",
            Self::P01 => "p01",
        }
    }
}

impl fmt::Display for QuantileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// Returns the quantile `share` (0 to 1) of ascending `sorted` values, by linear interpolation
/// between order statistics (Hyndman and Fan's type 7, numpy's default); `None` if there are no
/// values.
pub fn quantile_of_sorted(sorted: &[f64], share: f64) -> Option<f64> {
    let (below, fraction) = position_of(share, sorted.len().checked_sub(1)?);
    let low = *sorted.get(below)?;
    let high = sorted.get(below + 1).copied().unwrap_or(low);
    // numpy interpolates from the nearer end, which keeps both ends exact.
    let step = high - low;
    Some(if fraction >= 0.5 { high - step * (1.0 - fraction) } else { low + step * fraction })
}

/// Returns the position of a quantile among values whose last position is `last`: the index at or
/// below it, and the fraction of the way from there to the next.
fn position_of(share: f64, last: usize) -> (usize, f64) {
    let position = share.clamp(0.0, 1.0) * last as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 ≤ position ≤ last"
    )]
    let below = position.floor() as usize;
    (below, position - below as f64)
}

/// Partially sorts values, so that those at the `wanted` positions (ascending, counted from
/// `offset`) are the ones that a full sort would put there: of ten million values only a few dozen
/// are needed.
fn put_in_place(values: &mut [f64], offset: usize, wanted: &[usize]) {
    let Some(&middle) = wanted.get(wanted.len() / 2) else { return };
    let (before, after) = wanted.split_at(wanted.len() / 2);
    let after = after.split_first().map_or(after, |(_, after)| after);
    let (low, _, high) = values.select_nth_unstable_by(middle - offset, f64::total_cmp);
    put_in_place(low, offset, before);
    put_in_place(high, middle + 1, after);
}

/// Mean and quantiles of a set of values: times in seconds, or tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Summary {
    /// Number of values.
    pub count: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Confidence intervals of the quantiles, at 90 %.
    pub intervals: Intervals,
}

/// Confidence interval of each quantile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Intervals {
    /// Interval of the median.
    pub p50: Interval,
    /// Interval of the 90th percentile.
    pub p90: Interval,
    /// Interval of the 95th percentile.
    pub p95: Interval,
    /// Interval of the 99th percentile.
    pub p99: Interval,
}

impl Intervals {
    /// Returns the interval of one quantile.
    pub fn at(&self, quantile: Quantile) -> Interval {
        match quantile {
            Quantile::P50 => self.p50,
            Quantile::P90 => self.p90,
            Quantile::P95 => self.p95,
            Quantile::P99 => self.p99,
        }
    }
}

impl Summary {
    /// Summarises values in any order; `None` if there are none.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        let count = values.len();
        let last = count.checked_sub(1)?;
        let ends = Quantile::ALL.map(|quantile| positions(count, quantile.share()));
        let mut wanted: Vec<usize> =
            ends.iter().flat_map(|(low, high)| [*low, *high]).flatten().collect();
        for quantile in Quantile::ALL {
            let below = position_of(quantile.share(), last).0;
            wanted.extend([below, (below + 1).min(last)]);
        }
        wanted.sort_unstable();
        wanted.dedup();
        // Before the values are moved about: a sum depends on its order.
        let mean = values.iter().sum::<f64>() / count as f64;
        put_in_place(&mut values, 0, &wanted);
        let at = |quantile: Quantile| quantile_of_sorted(&values, quantile.share());
        let value = |position: Option<usize>| values.get(position?).copied();
        let [p50, p90, p95, p99] =
            ends.map(|(low, high)| Interval { low: value(low), high: value(high) });
        Some(Self {
            count: count as u64,
            mean,
            p50: at(Quantile::P50)?,
            p90: at(Quantile::P90)?,
            p95: at(Quantile::P95)?,
            p99: at(Quantile::P99)?,
            intervals: Intervals { p50, p90, p95, p99 },
        })
    }

    /// Returns one of the quantiles.
    pub fn at(&self, quantile: Quantile) -> f64 {
        match quantile {
            Quantile::P50 => self.p50,
            Quantile::P90 => self.p90,
            Quantile::P95 => self.p95,
            Quantile::P99 => self.p99,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numpy.percentile(values, q)` of numpy 2.
    #[test]
    fn agrees_with_numpy() {
        let values = [0.5, 1.25, 2.0, 7.5, 11.0, 13.75];
        for (share, expected) in [
            (0.0, 0.5),
            (0.25, 1.4375),
            (0.5, 4.75),
            (0.9, 12.375),
            (0.95, 13.0625),
            (0.99, 13.6125),
            (1.0, 13.75),
        ] {
            let got = quantile_of_sorted(&values, share).unwrap();
            assert!((got - expected).abs() < 1e-12, "{share}: {got} != {expected}");
        }
    }

    #[test]
    fn few_values() {
        assert_eq!(quantile_of_sorted(&[], 0.95), None);
        assert_eq!(quantile_of_sorted(&[3.0], 0.95), Some(3.0));
        assert!(Summary::of(vec![]).is_none());
        let two = Summary::of(vec![2.0, 1.0]).unwrap();
        assert!((two.p95 - 1.95).abs() < 1e-12 && (two.mean - 1.5).abs() < 1e-12);
    }

    #[test]
    fn a_summary_is_that_of_the_sorted_values() {
        // Every residue of a large prime once, in a scattered order.
        let values: Vec<f64> = (1..10_007_u64).map(|k| (k * 7919 % 10_007) as f64).collect();
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let summary = Summary::of(values).unwrap();
        for quantile in Quantile::ALL {
            let expected = quantile_of_sorted(&sorted, quantile.share()).unwrap();
            assert!((summary.at(quantile) - expected).abs() < 1e-9, "{quantile}");
            let (low, high) = positions(sorted.len(), quantile.share());
            let interval = summary.intervals.at(quantile);
            assert_eq!(interval.low, Some(sorted[low.unwrap()]));
            assert_eq!(interval.high, Some(sorted[high.unwrap()]));
        }
    }
}
