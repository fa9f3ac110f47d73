//! Quantiles of weighted values.

/// Distribution of multiples of a mean: ascending values, each with the share of times up to there.
pub struct Spread {
    shares: Vec<(f64, f64)>,
}

impl From<WeightedValues> for Spread {
    fn from(values: WeightedValues) -> Self {
        let share = |middle: f64| middle / values.sum;
        let shares = std::iter::zip(values.values, values.middles);
        Self { shares: shares.map(|(times, middle)| (times, share(middle))).collect() }
    }
}

impl Spread {
    /// Returns the share of times up to a multiple of their mean: the inverse of the pooled
    /// quantile.
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

/// Ascending values with weights, summed up so that any of their quantiles is found at once.
#[derive(Clone, Default)]
pub(super) struct WeightedValues {
    values: Vec<f64>,
    /// Middle of the weight of each, counted from the weights below it.
    middles: Vec<f64>,
    /// Sum of the weights.
    sum: f64,
}

impl WeightedValues {
    /// Sums the weights of ascending values up.
    pub fn of(weighted: impl Iterator<Item = (f64, f64)>) -> Self {
        let mut of = Self::default();
        weighted.for_each(|(value, weight)| of.add(value, weight));
        of
    }

    /// Adds a value that is no less than the last.
    fn add(&mut self, value: f64, weight: f64) {
        self.values.push(value);
        self.middles.push(self.sum + weight / 2.0);
        self.sum += weight;
    }

    /// Returns a quantile, by linear interpolation between the middles of the weights.
    pub fn quantile(&self, share: f64) -> f64 {
        let wanted = share * self.sum;
        let above = self.middles.partition_point(|middle| *middle < wanted);
        let of = |index: usize| Some((*self.values.get(index)?, *self.middles.get(index)?));
        let before = above.checked_sub(1).and_then(of);
        let Some((value, middle)) = of(above) else {
            return self.values.last().copied().unwrap_or(1.0);
        };
        match before {
            Some((before, at)) if middle > at => {
                before + (value - before) * (wanted - at) / (middle - at)
            }
            _ => value,
        }
    }

    /// Changes each value, in a way that keeps their order.
    pub fn change(&mut self, change: impl Fn(f64) -> f64) {
        self.values.iter_mut().for_each(|value| *value = change(*value));
    }
}

/// Returns a quantile for each of so many levels, from the values of all, ascending, each with its level and weight.
pub(super) fn quantiles_by_level(
    values: impl Iterator<Item = (usize, f64, f64)>,
    levels: usize,
    share: f64,
) -> Vec<f64> {
    let mut of_levels = vec![WeightedValues::default(); levels];
    for (level, value, weight) in values {
        if let Some(own) = of_levels.get_mut(level) {
            own.add(value, weight);
        }
    }
    of_levels.iter().map(|own| own.quantile(share)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weighted_quantile_interpolates_between_the_middles_of_the_weights() {
        let values = WeightedValues::of([(1.0, 1.0), (2.0, 2.0), (4.0, 1.0)].into_iter());
        // Middles at 0.5, 2 and 3.5 of 4.
        for (share, right) in [(0.0, 1.0), (0.5, 2.0), (0.6875, 3.0), (0.99, 4.0), (1.0, 4.0)] {
            assert!((values.quantile(share) - right).abs() < 1e-12, "{share}");
        }
        assert!((WeightedValues::of(std::iter::empty()).quantile(0.5) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn each_level_has_a_quantile_of_its_own() {
        let values = [(0, 1.0, 1.0), (1, 1.5, 2.0), (0, 2.0, 2.0), (1, 3.0, 2.0), (0, 4.0, 1.0)];
        let found = quantiles_by_level(values.into_iter(), 3, 0.5);
        let right = [2.0, 2.25, 1.0];
        let off = std::iter::zip(&found, right).map(|(found, right)| (found - right).abs());
        assert!(found.len() == 3 && off.fold(0.0, f64::max) < 1e-12, "{found:?}");
    }
}
