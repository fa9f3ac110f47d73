//! How times spread around their mean, pooled over the levels around a concurrency.

use super::misfit::{self, Residual};

/// Runs of a level wait for each other, so they say less than as many independent ones.
pub(super) const DEPENDENCE: f64 = 1.15;
/// Levels whose loads differ by this, as a logarithm, are still much alike.
const ALIKE: f64 = 0.4;
/// Standard deviations by which a share of slow runs is larger by chance, once in twenty times.
const FEW_MORE: f64 = 1.645;
/// What a run that failed counts as, in means: slower than any limit.
const FAILED: f64 = 1e6;

/// A time as a multiple of the mean at its load.
#[derive(Clone, Copy)]
struct Multiple {
    times: f64,
    /// Logarithm of the load that it met.
    at: f64,
    level: usize,
    /// How often it was seen.
    count: f64,
}

/// A quantile of the multiples around a concurrency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tail {
    /// The quantile.
    pub multiple: f64,
    /// How many runs it is worth.
    pub runs: f64,
    /// Over how many levels they are spread.
    pub levels: f64,
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

/// All multiples of a metric.
pub(super) struct Tails {
    /// Ascending.
    multiples: Vec<Multiple>,
    /// Levels whose concurrency is this far away, as a logarithm, count e^(-1/2) as much.
    reach: f64,
    /// Logarithms of the lowest and the highest load.
    range: (f64, f64),
}

impl Tails {
    /// No multiples yet.
    pub fn new(reach: f64, lowest: f64, highest: f64) -> Self {
        Self { multiples: Vec::new(), reach, range: (lowest.ln(), highest.ln()) }
    }

    /// Adds the multiples of a level, each with the load that it met.
    pub fn add(&mut self, level: usize, multiples: impl Iterator<Item = (f64, f64)>) {
        let made = multiples.map(|(concurrency, times)| Multiple {
            times,
            at: concurrency.ln(),
            level,
            count: 1.0,
        });
        self.multiples.extend(made);
    }

    /// Adds runs of a level that failed.
    pub fn add_failed(&mut self, level: usize, concurrency: f64, count: u64) {
        if count > 0 {
            let (at, count) = (concurrency.ln(), count as f64);
            self.multiples.push(Multiple { times: FAILED, at, level, count });
        }
    }

    /// Sorts what was added, which everything below needs.
    pub fn sorted(mut self) -> Self {
        self.multiples.sort_unstable_by(|a, b| a.times.total_cmp(&b.times));
        self
    }

    /// A quantile of the multiples around a concurrency.
    pub fn at(&self, concurrency: f64, share: f64) -> Tail {
        let weights = self.weights(concurrency);
        let sum: f64 = weights.iter().sum();
        let own = std::iter::zip(&self.multiples, &weights);
        let squares: f64 = own.map(|(it, weight)| weight * weight / it.count).sum();
        let mut of_levels: Vec<f64> = Vec::new();
        for (it, weight) in std::iter::zip(&self.multiples, &weights) {
            if it.level >= of_levels.len() {
                of_levels.resize(it.level + 1, 0.0);
            }
            if let Some(level) = of_levels.get_mut(it.level) {
                *level += weight;
            }
        }
        let of_levels: f64 = of_levels.iter().map(|it| it * it).sum();
        Tail {
            multiple: self.quantile(&weights, sum, share),
            runs: sum * sum / squares,
            levels: sum * sum / of_levels,
        }
    }

    /// Standard deviation of the logarithm of that quantile where it rests on so many runs, from the
    /// order statistics around it.
    pub fn spread(&self, concurrency: f64, share: f64, runs: f64) -> f64 {
        let weights = self.weights(concurrency);
        let sum: f64 = weights.iter().sum();
        let step = (share * (1.0 - share) / runs).sqrt();
        let at = |share: f64| self.quantile(&weights, sum, share.clamp(0.001, 0.999)).ln();
        DEPENDENCE * (at(share + step) - at(share - step)) / 2.0
    }

    /// The same quantile were a few more of so many runs slow than there should be, by chance.
    pub fn by_chance(&self, concurrency: f64, share: f64, runs: f64) -> f64 {
        let weights = self.weights(concurrency);
        let step = FEW_MORE * DEPENDENCE * (share * (1.0 - share) / runs).sqrt();
        self.quantile(&weights, weights.iter().sum(), (share + step).min(0.999))
    }

    /// Standard deviation, as a logarithm, by which the levels' own tails differ beyond chance: those around a
    /// load, or all of them alike.
    pub fn between_levels(&self, share: f64, around: Option<f64>) -> f64 {
        let levels = self.multiples.iter().map(|it| it.level).max().map_or(0, |last| last + 1);
        let mut own = vec![(0.0, 0.0); levels];
        for it in &self.multiples {
            if let Some((count, place)) = own.get_mut(it.level) {
                *count += it.count;
                *place += it.count * it.at;
            }
        }
        let of = |(level, (count, place)): (usize, &(f64, f64))| {
            // Of fewer runs the quantile is the longest, whatever the tail.
            if count * (1.0 - share) < 1.0 {
                return None;
            }
            let at = (place / count).exp();
            let members = self.multiples.iter().filter(|it| it.level == level);
            let tail = weighted_quantile(members.map(|it| (it.times, it.count)), *count, share);
            let off = (tail / self.at(at, share).multiple).ln();
            let error = self.spread(at, share, *count);
            let weight = around.map_or(1.0, |centre| self.closeness(at.ln(), centre.ln(), ALIKE));
            (error > 0.0 && off.is_finite()).then_some(Residual { off, error, weight })
        };
        let residuals: Vec<Residual> = own.iter().enumerate().filter_map(of).collect();
        misfit::between(&residuals, 1)
    }

    /// How times spread around their mean at the levels around a concurrency.
    pub fn spread_around(&self, concurrency: f64) -> Spread {
        let weights = self.weights(concurrency);
        let sum: f64 = weights.iter().sum();
        let mut below = 0.0;
        let of = |(it, weight): (&Multiple, &f64)| {
            let middle = (below + weight / 2.0) / sum;
            below += weight;
            (it.times, middle)
        };
        Spread { shares: std::iter::zip(&self.multiples, &weights).map(of).collect() }
    }

    /// How much a load says of another, both as logarithms.
    fn closeness(&self, at: f64, centre: f64, reach: f64) -> f64 {
        let (lowest, highest) = self.range;
        let centre = centre.clamp(lowest, highest.max(lowest));
        (-0.5 * ((at - centre) / reach).powi(2)).exp()
    }

    fn weights(&self, concurrency: f64) -> Vec<f64> {
        let weight = |it: &Multiple| it.count * self.closeness(it.at, concurrency.ln(), self.reach);
        self.multiples.iter().map(weight).collect()
    }

    fn quantile(&self, weights: &[f64], sum: f64, share: f64) -> f64 {
        let times = self.multiples.iter().map(|it| it.times);
        weighted_quantile(std::iter::zip(times, weights.iter().copied()), sum, share)
    }
}

/// A quantile of values with weights, ascending, by linear interpolation between the middles of the weights.
fn weighted_quantile(values: impl Iterator<Item = (f64, f64)>, sum: f64, share: f64) -> f64 {
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

    /// Levels of so many runs whose multiples lie evenly between `1 − w` and `1 + w`.
    fn tails(levels: &[(f64, u32, f64)]) -> Tails {
        let mut tails = Tails::new(1.2, 1.0, 64.0);
        for (level, &(concurrency, runs, width)) in levels.iter().enumerate() {
            let at =
                |index: u32| 1.0 + width * (2.0 * (f64::from(index) + 0.5) / f64::from(runs) - 1.0);
            tails.add(level, (0..runs).map(|index| (concurrency, at(index))));
        }
        tails.sorted()
    }

    #[test]
    fn tails_that_differ_far_from_the_answer_do_not_matter_there() {
        let far = [(2.0, 40, 0.9), (4.0, 40, 0.9)];
        let near = [(29.0, 2000, 0.3), (32.0, 2000, 0.3), (35.0, 2000, 0.3)];
        let seen = tails(&[far.as_slice(), &near].concat());
        assert!(seen.between_levels(0.95, None) > 0.1, "{}", seen.between_levels(0.95, None));
        let found = seen.between_levels(0.95, Some(32.0));
        assert!(found.abs() < 1e-12, "{found}");
        let uneven =
            tails(&[(1.0, 400, 0.5), (28.0, 400, 0.2), (32.0, 400, 0.8), (36.0, 400, 0.2)]);
        assert!(uneven.between_levels(0.95, Some(32.0)) > 0.1);
    }

    #[test]
    fn a_weighted_quantile_interpolates_between_the_middles_of_the_weights() {
        let values = || [(1.0, 1.0), (2.0, 2.0), (4.0, 1.0)].into_iter();
        // Middles at 0.5, 2 and 3.5 of 4.
        assert!((weighted_quantile(values(), 4.0, 0.5) - 2.0).abs() < 1e-12);
        assert!((weighted_quantile(values(), 4.0, 0.6875) - 3.0).abs() < 1e-12);
        assert!((weighted_quantile(values(), 4.0, 0.99) - 4.0).abs() < 1e-12);
    }
}
