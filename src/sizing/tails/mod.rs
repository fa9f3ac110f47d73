//! Distribution of times around their mean, pooled over the levels around a concurrency.

mod near;
mod quantile;

pub(super) use quantile::Spread;

use super::misfit::{self, Residual};
use near::Near;
use quantile::weighted_quantile;

/// Factor on standard errors, since runs of a level wait for each other and tell less than
/// independent ones.
pub(super) const DEPENDENCE: f64 = 1.15;
/// Difference of loads, as a logarithm, up to which levels are much alike.
const ALIKE: f64 = 0.4;
/// Standard deviations by which the share of slow runs is larger by chance once in twenty times.
const FEW_MORE: f64 = 1.645;
/// Squared standard errors up to which near and far tails differ by chance.
const CHANCE: f64 = 2.0;
/// Multiple of the mean that a failed run counts as: slower than any limit.
const FAILED: f64 = 1e6;

/// A time as a multiple of the mean at its load.
#[derive(Clone, Copy)]
struct Multiple {
    times: f64,
    /// Logarithm of the load that it met.
    at: f64,
    level: usize,
    /// Number of times that it was seen.
    count: f64,
}

/// A quantile of the multiples around a concurrency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tail {
    /// Value of the quantile, as a multiple of the mean.
    pub multiple: f64,
    /// Effective number of runs behind it.
    pub runs: f64,
    /// Effective number of levels over which they are spread.
    pub levels: f64,
}

/// All multiples of a metric.
pub(super) struct Tails {
    /// Multiples, ascending.
    multiples: Vec<Multiple>,
    /// Closeness of loads to each other.
    near: Near,
}

impl Tails {
    /// Creates an empty collection. A level whose concurrency is `reach` away, as a logarithm,
    /// counts e^(-1/2) as much; `elasticity` is that of the mean at each load that was seen,
    /// ascending.
    pub fn new(reach: f64, elasticity: impl Iterator<Item = (f64, f64)>) -> Self {
        Self { multiples: Vec::new(), near: Near::new(reach, elasticity) }
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

    /// Adds the failed runs of a level.
    pub fn add_failed(&mut self, level: usize, concurrency: f64, count: u64) {
        if count > 0 {
            let (at, count) = (concurrency.ln(), count as f64);
            self.multiples.push(Multiple { times: FAILED, at, level, count });
        }
    }

    /// Sorts what was added; all methods below require it.
    pub fn sorted(mut self) -> Self {
        self.multiples.sort_unstable_by(|a, b| a.times.total_cmp(&b.times));
        self
    }

    /// Returns a quantile of the multiples around a concurrency.
    pub fn at(&self, concurrency: f64, share: f64) -> Tail {
        let weights = self.weights(concurrency, share);
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
        let sum: f64 = weights.iter().sum();
        Tail {
            multiple: self.quantile(&weights, share),
            runs: self.runs(&weights),
            levels: sum * sum / of_levels,
        }
    }

    /// Returns the standard deviation of the logarithm of that quantile if it rests on `runs` runs.
    pub fn spread(&self, concurrency: f64, share: f64, runs: f64) -> f64 {
        self.spread_of(&self.weights(concurrency, share), share, runs)
    }

    /// Returns that quantile if by chance a few more of `runs` runs were slow than there should be.
    pub fn by_chance(&self, concurrency: f64, share: f64, runs: f64) -> f64 {
        let weights = self.weights(concurrency, share);
        let step = FEW_MORE * DEPENDENCE * (share * (1.0 - share) / runs).sqrt();
        self.quantile(&weights, (share + step).min(0.999))
    }

    /// Returns the standard deviation, as a logarithm, of the levels' own tails beyond chance: of
    /// those around a load, or of all equally.
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
            let weights = match around {
                Some(_) => self.weights(at, share),
                // Against the whole, not against its like.
                None => self.weights_by(|it| self.near.far(it, at.ln())),
            };
            let off = (tail / self.quantile(&weights, share)).ln();
            let error = self.spread_of(&weights, share, *count);
            let weight =
                around.map_or(1.0, |centre| self.near.by_load(at.ln(), centre.ln(), ALIKE));
            (error > 0.0 && off.is_finite()).then_some(Residual { off, error, weight })
        };
        let residuals: Vec<Residual> = own.iter().enumerate().filter_map(of).collect();
        misfit::between(&residuals, 1)
    }

    /// Returns the distribution of times around their mean at the levels around a concurrency; most
    /// exact around `share`.
    pub fn spread_around(&self, concurrency: f64, share: f64) -> Spread {
        let weights = self.weights(concurrency, share);
        Spread::of(self.values(&weights), weights.iter().sum())
    }

    /// Returns the weight of each multiple for a quantile at a concurrency.
    ///
    /// Far levels contribute many runs, and near ones that load the server alike have the right
    /// tail. If the two disagree by more than chance, the near ones decide, but for the part
    /// `1 / z²`, for z standard errors (the positive part of James and Stein's estimator).
    fn weights(&self, concurrency: f64, share: f64) -> Vec<f64> {
        let centre = concurrency.ln();
        let far = self.weights_by(|at| self.near.far(at, centre));
        let near = self.weights_by(|at| self.near.alike(at, centre));
        let off = (self.quantile(&near, share) / self.quantile(&far, share)).ln();
        let error = self.spread_of(&near, share, self.runs(&near));
        let of_near = 1.0 - CHANCE * (error / off).powi(2);
        if of_near.is_nan() || of_near <= 0.0 {
            return far;
        }
        let (sum_far, sum_near) = (far.iter().sum::<f64>(), near.iter().sum::<f64>());
        let mixed =
            |(far, near): (&f64, &f64)| (1.0 - of_near) * far / sum_far + of_near * near / sum_near;
        std::iter::zip(&far, &near).map(mixed).collect()
    }

    fn weights_by(&self, closeness: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut last: Option<(f64, f64)> = None;
        let weight = |it: &Multiple| {
            // Most runs of a level met the same load.
            let same =
                last.filter(|(at, _)| at.total_cmp(&it.at).is_eq()).map(|(_, closeness)| closeness);
            let closeness = same.unwrap_or_else(|| closeness(it.at));
            last = Some((it.at, closeness));
            it.count * closeness
        };
        self.multiples.iter().map(weight).collect()
    }

    /// Returns the effective number of equally weighted runs.
    fn runs(&self, weights: &[f64]) -> f64 {
        let own = std::iter::zip(&self.multiples, weights);
        let squares: f64 = own.map(|(it, weight)| weight * weight / it.count).sum();
        weights.iter().sum::<f64>().powi(2) / squares
    }

    /// Returns the standard deviation of the logarithm of a quantile that rests on `runs` runs,
    /// from the order statistics around it.
    fn spread_of(&self, weights: &[f64], share: f64, runs: f64) -> f64 {
        let step = (share * (1.0 - share) / runs).sqrt();
        let at = |share: f64| self.quantile(weights, share.clamp(0.001, 0.999)).ln();
        DEPENDENCE * (at(share + step) - at(share - step)) / 2.0
    }

    fn quantile(&self, weights: &[f64], share: f64) -> f64 {
        weighted_quantile(self.values(weights), weights.iter().sum(), share)
    }

    fn values<'a>(&'a self, weights: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
        std::iter::zip(self.multiples.iter().map(|it| it.times), weights.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Levels of so many runs whose multiples lie evenly between `1 − w` and `1 + w`.
    fn tails(levels: &[(f64, u32, f64)]) -> Tails {
        let mut tails = Tails::new(1.2, [(1.0, 0.0), (64.0, 0.0)].into_iter());
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
}
