//! Quantiles as numpy's default computes them, so that figures compare with the reference's.

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
    /// Nine in ten are at most this.
    P90,
    /// Nineteen in twenty are at most this: the default of every target.
    P95,
    /// Ninety-nine in a hundred are at most this.
    P99,
}

impl Quantile {
    /// All quantiles, ascending.
    pub const ALL: [Self; 4] = [Self::P50, Self::P90, Self::P95, Self::P99];

    /// The quantile as a share between 0 and 1.
    pub fn share(self) -> f64 {
        match self {
            Self::P50 => 0.50,
            Self::P90 => 0.90,
            Self::P95 => 0.95,
            Self::P99 => 0.99,
        }
    }

    /// The key in specs and results: `p95`.
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

/// The quantile `share` (0 to 1) of ascending `sorted` values, by linear interpolation between
/// order statistics (Hyndman and Fan's type 7, numpy's default); `None` of no values.
pub fn quantile_of_sorted(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = share.clamp(0.0, 1.0) * last as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 ≤ position ≤ last"
    )]
    let below = position.floor() as usize;
    let low = *sorted.get(below)?;
    let high = sorted.get(below + 1).copied().unwrap_or(low);
    let fraction = position - below as f64;
    // numpy interpolates from the nearer end, which keeps both ends exact.
    let step = high - low;
    Some(if fraction >= 0.5 { high - step * (1.0 - fraction) } else { low + step * fraction })
}

/// Mean and quantiles of a set of times, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
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
}

impl Summary {
    /// Summarises times in seconds, in any order; `None` of no values.
    pub fn of(mut times: Vec<f64>) -> Option<Self> {
        times.sort_unstable_by(f64::total_cmp);
        let at = |quantile: Quantile| quantile_of_sorted(&times, quantile.share());
        Some(Self {
            mean: times.iter().sum::<f64>() / times.len() as f64,
            p50: at(Quantile::P50)?,
            p90: at(Quantile::P90)?,
            p95: at(Quantile::P95)?,
            p99: at(Quantile::P99)?,
        })
    }

    /// One of the quantiles.
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
}
