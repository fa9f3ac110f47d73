//! Quantiles of weighted values.

/// Distribution of multiples of a mean: ascending values, each with the share of times up to there.
pub struct Spread {
    shares: Vec<(f64, f64)>,
}

impl Spread {
    /// Creates it from ascending values with weights, and the sum of the weights.
    pub(super) fn of(values: impl Iterator<Item = (f64, f64)>, sum: f64) -> Self {
        let mut below = 0.0;
        let of = |(times, weight): (f64, f64)| {
            let middle = (below + weight / 2.0) / sum;
            below += weight;
            (times, middle)
        };
        Self { shares: values.map(of).collect() }
    }

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

/// Returns a quantile of ascending values with weights, by linear interpolation between the
/// midpoints of the weights.
pub(super) fn weighted_quantile(
    values: impl Iterator<Item = (f64, f64)>,
    sum: f64,
    share: f64,
) -> f64 {
    let mut search = Search::of(share * sum);
    for (value, weight) in values {
        if search.ends_at(value, weight) {
            break;
        }
    }
    search.found()
}

/// Returns it for each of several levels, from the values of all, ascending, each with its level and weight. `sums` are
/// those of the levels' weights.
pub(super) fn quantiles_by_level(
    values: impl Iterator<Item = (usize, f64, f64)>,
    sums: &[f64],
    share: f64,
) -> Vec<f64> {
    let mut searches: Vec<Search> = sums.iter().map(|sum| Search::of(share * sum)).collect();
    for (level, value, weight) in values {
        if let Some(search) = searches.get_mut(level) {
            search.ends_at(value, weight);
        }
    }
    searches.into_iter().map(Search::found).collect()
}

/// Search for the value at which a weight is reached.
struct Search {
    wanted: f64,
    below: f64,
    /// Last value, and the middle of its weight.
    last: Option<(f64, f64)>,
    found: Option<f64>,
}

impl Search {
    fn of(wanted: f64) -> Self {
        Self { wanted, below: 0.0, last: None, found: None }
    }

    /// Takes the next value; returns true if that is where it ends.
    fn ends_at(&mut self, value: f64, weight: f64) -> bool {
        if self.found.is_some() {
            return true;
        }
        let middle = self.below + weight / 2.0;
        if middle >= self.wanted {
            self.found = Some(match self.last {
                Some((before, at)) if middle > at => {
                    before + (value - before) * (self.wanted - at) / (middle - at)
                }
                _ => value,
            });
            return true;
        }
        self.last = Some((value, middle));
        self.below += weight;
        false
    }

    fn found(self) -> f64 {
        self.found.or(self.last.map(|(value, _)| value)).unwrap_or(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weighted_quantile_interpolates_between_the_middles_of_the_weights() {
        let values = || [(1.0, 1.0), (2.0, 2.0), (4.0, 1.0)].into_iter();
        // Middles at 0.5, 2 and 3.5 of 4.
        assert!((weighted_quantile(values(), 4.0, 0.5) - 2.0).abs() < 1e-12);
        assert!((weighted_quantile(values(), 4.0, 0.6875) - 3.0).abs() < 1e-12);
        assert!((weighted_quantile(values(), 4.0, 0.99) - 4.0).abs() < 1e-12);
    }

    #[test]
    fn each_level_has_a_quantile_of_its_own() {
        let values = [(0, 1.0, 1.0), (1, 1.5, 2.0), (0, 2.0, 2.0), (1, 3.0, 2.0), (0, 4.0, 1.0)];
        let found = quantiles_by_level(values.into_iter(), &[4.0, 4.0, 0.0], 0.5);
        let right = [2.0, 2.25, 1.0];
        let off = std::iter::zip(&found, right).map(|(found, right)| (found - right).abs());
        assert!(found.len() == 3 && off.fold(0.0, f64::max) < 1e-12, "{found:?}");
    }
}
