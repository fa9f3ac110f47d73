//! Tail of the levels beside a load, by their own runs alone.

use super::local_distribution::DEPENDENCE;
use super::multiple::by_level;
use super::quantile::WeightedValues;
use super::{FEW_MORE, Tails};

/// Difference of loads, as a logarithm, within which levels are beside a load: a quarter.
const BESIDE: f64 = 0.223_144;
/// Largest share by which chance may change the number of slow runs if those levels are to suffice on their own.
const EXACT: f64 = 0.5;

/// A quantile according to the levels beside a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::sizing) struct TailBeside {
    /// Number of their runs.
    pub runs: f64,
    /// Ends of the interval of the quantile, as multiples of the mean.
    pub multiples: (f64, f64),
}

/// Returns the number of runs at which chance changes the share beyond a quantile by at most half, with a confidence
/// of 95 %: `(1.645 · 1.15 / 0.5)² · share / (1 − share)`.
pub(in crate::sizing) fn runs_for_tail(share: f64) -> f64 {
    (FEW_MORE * DEPENDENCE / EXACT).powi(2) * share / (1.0 - share)
}

impl Tails {
    /// Returns the quantile according to the levels beside a concurrency alone: the next ones on both sides, and
    /// those within a quarter of it. `None` if the levels do not differ by more than chance, if runs are composed from
    /// tokens, or if there are no runs.
    pub fn beside(&self, concurrency: f64, share: f64) -> Option<TailBeside> {
        let centre = concurrency.ln();
        if self.composed.is_some() || !self.differ(concurrency, share) {
            return None;
        }
        let sums =
            by_level(self.multiples.iter().map(|it| (it.level, [it.count, it.count * it.at])));
        let loads: Vec<f64> = sums.iter().map(|[count, place]| place / count).collect();
        let off = |below: bool| {
            let of_side = loads.iter().map(|at| if below { centre - at } else { at - centre });
            of_side.filter(|off| *off >= 0.0).fold(f64::INFINITY, f64::min).max(BESIDE) + 1e-9
        };
        let (below, above) = (off(true), off(false));
        let is_beside = |level: usize| {
            loads.get(level).is_some_and(|at| (centre - below..=centre + above).contains(at))
        };
        let scaled = self.at_scale(centre);
        let runs = || self.multiples.iter().filter(|it| is_beside(it.level));
        let count: f64 = runs().map(|it| it.count).sum();
        let step = FEW_MORE * DEPENDENCE * (share * (1.0 - share) / count).sqrt();
        let beside = WeightedValues::of(runs().map(|it| (scaled(it.times), it.count)));
        let ends = ((share - step).max(0.0), (share + step).min(1.0));
        let multiples = (beside.quantile(ends.0), beside.quantile(ends.1));
        (count > 0.0).then_some(TailBeside { runs: count, multiples })
    }

    /// Returns true if the levels around a concurrency differ in their tails by more than chance.
    fn differ(&self, concurrency: f64, share: f64) -> bool {
        let centre = concurrency.ln();
        if self.scales.is_some() || self.shapes.agreement(centre).is_some() {
            return true;
        }
        self.has_trend(concurrency, share)
    }

    /// Returns true if a quantile, as a multiple of the mean, changes with the load around a concurrency.
    pub fn changes(&self, concurrency: f64, share: f64) -> bool {
        self.composed.is_some() || self.has_trend(concurrency, share)
    }

    fn has_trend(&self, concurrency: f64, share: f64) -> bool {
        let centre = concurrency.ln();
        let weights = self.weights(concurrency, share, &|_| 1.0);
        self.trended(&weights, centre, share, &self.pooled(&weights, centre)).is_some()
    }
}
