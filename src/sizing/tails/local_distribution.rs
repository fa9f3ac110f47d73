//! Distribution of multiples around a load.

use super::multiple::{FAILED, LEAST};
use super::quantile::{Spread, WeightedValues};

/// Factor on standard errors, since runs of a level wait for each other and tell less than
/// independent ones.
pub const DEPENDENCE: f64 = 1.15;

/// Distribution of multiples around a load.
pub(super) struct LocalDistribution {
    /// Multiples with their weights.
    values: WeightedValues,
    /// Effective number of equally weighted runs.
    pub runs: f64,
    /// Effective number of levels over which they are spread.
    pub levels: f64,
    /// Standard deviation of the logarithm of the quantile asked for, because levels on both sides of the load differ.
    pub between: f64,
}

impl LocalDistribution {
    /// Creates it from ascending multiples with weights, of so many runs and levels.
    pub fn of(values: impl Iterator<Item = (f64, f64)>, runs: f64, levels: f64) -> Self {
        Self { values: WeightedValues::of(values), runs, levels, between: 0.0 }
    }

    /// Returns a quantile.
    pub fn quantile(&self, share: f64) -> f64 {
        self.values.quantile(share)
    }

    /// Returns the standard deviation of the logarithm of a quantile that rests on `runs` runs, from the order
    /// statistics around it.
    pub fn spread(&self, share: f64, runs: f64) -> f64 {
        let step = (share * (1.0 - share) / runs).sqrt();
        let at = |share: f64| self.quantile(share.clamp(0.001, 0.999)).ln();
        DEPENDENCE * (at(share + step) - at(share - step)) / 2.0
    }

    /// Moves the values away from 1, or towards it, until a quantile has this value.
    pub fn stretch(&mut self, share: f64, to: f64) {
        let by = (to - 1.0) / (self.quantile(share) - 1.0);
        if by.is_finite() && by > 0.0 {
            self.values.change(|times| {
                if times < FAILED { (1.0 + (times - 1.0) * by).max(LEAST) } else { times }
            });
        }
    }

    /// Returns the whole distribution.
    pub fn whole(self) -> Spread {
        self.values.into()
    }
}
