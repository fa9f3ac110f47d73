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
    let wanted = share * sum;
    let mut below = 0.0;
    let mut last: Option<(f64, f64)> = None;
    for (value, weight) in values {
        let middle = below + weight / 2.0;
        if middle >= wanted {
            return match last {
                Some((before, at)) if middle > at => {
                    before + (value - before) * (wanted - at) / (middle - at)
                }
                _ => value,
            };
        }
        last = Some((value, middle));
        below += weight;
    }
    last.map_or(1.0, |(value, _)| value)
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
}
