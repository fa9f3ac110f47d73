//! Distribution of times around their mean, pooled over the levels around a concurrency.

mod around;
mod near;
mod quantile;

pub(super) use around::DEPENDENCE;
pub(super) use quantile::Spread;

use super::composed::Compositions;
use super::curve::Curve;
use super::misfit::{self, Residual};
use around::Around;
use near::Near;
use quantile::weighted_quantile;

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
    /// Inverse of the number of runs behind the chance that all levels share.
    shared: f64,
    /// Distribution by compositions, with the curve of the mean, in place of the pooled multiples.
    composed: Option<(Compositions, Curve)>,
}

impl Tails {
    /// Creates an empty collection. A level whose concurrency is `reach` away, as a logarithm,
    /// counts e^(-1/2) as much; `elasticity` is that of the mean at each load that was seen,
    /// ascending.
    pub fn new(reach: f64, elasticity: impl Iterator<Item = (f64, f64)>) -> Self {
        let near = Near::new(reach, elasticity);
        Self { multiples: Vec::new(), near, shared: 0.0, composed: None }
    }

    /// Adds the multiples of a level, each with the load that it met and the number of times that it counts.
    pub fn add(&mut self, level: usize, multiples: impl Iterator<Item = (f64, f64, f64)>) {
        let made = multiples.map(|(concurrency, times, count)| Multiple {
            times,
            at: concurrency.ln(),
            level,
            count,
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

    /// Takes the distribution by compositions in place of the pooled multiples. `shared` is the inverse of the
    /// number of runs behind the chance that all levels share.
    pub fn compose(&mut self, compositions: Compositions, curve: Curve, shared: f64) {
        self.shared = shared;
        self.composed = Some((compositions, curve));
    }

    /// Returns true if the distribution beyond the highest level differs from that at it.
    pub fn go_on(&self) -> bool {
        self.composed.is_some()
    }

    /// Sorts what was added; all methods below require it.
    pub fn sorted(mut self) -> Self {
        self.multiples.sort_unstable_by(|a, b| a.times.total_cmp(&b.times));
        self
    }

    /// Returns a quantile of the multiples around a concurrency.
    pub fn at(&self, concurrency: f64, share: f64) -> Tail {
        let around = self.around(concurrency, share);
        Tail {
            multiple: around.quantile(share),
            runs: 1.0 / (1.0 / around.runs + self.shared),
            levels: around.levels,
        }
    }

    /// Returns the standard deviation of the logarithm of that quantile if it rests on `runs` runs.
    pub fn spread(&self, concurrency: f64, share: f64, runs: f64) -> f64 {
        self.around(concurrency, share).spread(share, runs)
    }

    /// Returns that quantile if by chance a few more of `runs` runs were slow than there should be.
    pub fn by_chance(&self, concurrency: f64, share: f64, runs: f64) -> f64 {
        let step = FEW_MORE * DEPENDENCE * (share * (1.0 - share) / runs).sqrt();
        self.around(concurrency, share).quantile((share + step).min(0.999))
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
            let whole = match (around, &self.composed) {
                (Some(_), _) | (None, Some(_)) => self.around(at, share),
                // Against the whole, not against its like.
                (None, None) => self.pooled(&self.weights_by(|it| self.near.far(it, at.ln()))),
            };
            let off = (tail / whole.quantile(share)).ln();
            let error = whole.spread(share, *count);
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
        self.around(concurrency, share).whole()
    }

    /// Returns the distribution around a concurrency; most exact around `share`.
    fn around(&self, concurrency: f64, share: f64) -> Around {
        let Some((compositions, curve)) = &self.composed else {
            return self.pooled(&self.weights(concurrency, share));
        };
        let found = compositions.at(concurrency, curve.at(concurrency));
        let failed = self.failed_around(concurrency) * found.multiples.len() as f64;
        let failed = Some((FAILED, failed)).filter(|(_, weight)| *weight > 0.0);
        let values = found.multiples.into_iter().map(|it| (it, 1.0)).chain(failed);
        Around { values: values.collect(), runs: found.runs, levels: found.levels }
    }

    /// Returns the pooled multiples with these weights.
    fn pooled(&self, weights: &[f64]) -> Around {
        let mut of_levels: Vec<f64> = Vec::new();
        let mut squares = 0.0;
        for (it, weight) in std::iter::zip(&self.multiples, weights) {
            if it.level >= of_levels.len() {
                of_levels.resize(it.level + 1, 0.0);
            }
            if let Some(level) = of_levels.get_mut(it.level) {
                *level += weight;
            }
            squares += weight * weight / it.count;
        }
        let sum: f64 = weights.iter().sum();
        let of_levels: f64 = of_levels.iter().map(|it| it * it).sum();
        let values =
            std::iter::zip(&self.multiples, weights).map(|(it, weight)| (it.times, *weight));
        let values = values.collect();
        Around { values, runs: sum * sum / squares, levels: sum * sum / of_levels }
    }

    /// Returns the number of failed runs for each other one, around a concurrency.
    fn failed_around(&self, concurrency: f64) -> f64 {
        let centre = concurrency.ln();
        let (mut failed, mut others) = (0.0, 0.0);
        for it in &self.multiples {
            let sum = if it.times < FAILED { &mut others } else { &mut failed };
            *sum += it.count * self.near.far(it.at, centre);
        }
        if others > 0.0 { failed / others } else { 0.0 }
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
        let (of_far, of_near) = (self.pooled(&far), self.pooled(&near));
        let off = (of_near.quantile(share) / of_far.quantile(share)).ln();
        let error = of_near.spread(share, of_near.runs);
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
            tails.add(level, (0..runs).map(|index| (concurrency, at(index), 1.0)));
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
