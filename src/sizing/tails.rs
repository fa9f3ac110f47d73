//! How times spread around their mean, pooled over the levels around a concurrency.

use super::misfit::{self, Residual};

/// Runs of a level wait for each other, so they say less than as many independent ones.
pub(super) const DEPENDENCE: f64 = 1.15;
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
            multiple: self.weighted_quantile(&weights, sum, share),
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
        let at = |share: f64| self.weighted_quantile(&weights, sum, share.clamp(0.001, 0.999)).ln();
        DEPENDENCE * (at(share + step) - at(share - step)) / 2.0
    }

    /// Standard deviation, as a logarithm, by which the levels' own tails differ beyond chance.
    pub fn between_levels(&self, share: f64) -> f64 {
        let levels = self.multiples.iter().map(|it| it.level).max().map_or(0, |last| last + 1);
        let mut own = vec![(0.0, 0.0, 0.0); levels];
        for it in &self.multiples {
            if let Some((count, place, _)) = own.get_mut(it.level) {
                *count += it.count;
                *place += it.count * it.at;
            }
        }
        for level in own.iter_mut().filter(|level| level.0 > 0.0) {
            level.1 = (level.1 / level.0).exp();
        }
        let tails: Vec<f64> = own
            .iter()
            .map(|(count, at, _)| if *count > 0.0 { self.at(*at, share).multiple } else { 0.0 })
            .collect();
        for it in &self.multiples {
            if let (Some(level), Some(tail)) = (own.get_mut(it.level), tails.get(it.level)) {
                level.2 += if it.times > *tail { it.count } else { 0.0 };
            }
        }
        let seen = own.iter().filter(|(count, ..)| *count > 0.0);
        let residuals: Vec<Residual> = seen
            .map(|(count, at, over)| {
                let expected = (1.0 - share) * count;
                let error = self.spread(*at, share, *count);
                let far = (over - expected) / (expected * share).sqrt() / DEPENDENCE;
                Residual { off: far * error, error }
            })
            .filter(|it| it.error > 0.0)
            .collect();
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

    fn weights(&self, concurrency: f64) -> Vec<f64> {
        let (lowest, highest) = self.range;
        let centre = concurrency.ln().clamp(lowest, highest.max(lowest));
        let weight =
            |it: &Multiple| it.count * (-0.5 * ((it.at - centre) / self.reach).powi(2)).exp();
        self.multiples.iter().map(weight).collect()
    }

    /// By linear interpolation between the middles of the weights.
    fn weighted_quantile(&self, weights: &[f64], sum: f64, share: f64) -> f64 {
        let wanted = share * sum;
        let mut below = 0.0;
        let mut last: Option<(f64, f64)> = None;
        for (it, weight) in std::iter::zip(&self.multiples, weights) {
            let middle = below + weight / 2.0;
            if middle >= wanted {
                return match last {
                    Some((before, at)) if middle > at => {
                        before + (it.times - before) * (wanted - at) / (middle - at)
                    }
                    _ => it.times,
                };
            }
            last = Some((it.times, middle));
            below += weight;
        }
        last.map_or(1.0, |(multiple, _)| multiple)
    }
}
