//! Capacity of a rig within a limit, as a best figure and as draws of its uncertainty.

use super::verdict::Bounds;
use crate::measure::quantile_of_sorted;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

/// Resamples of an interval: enough for its ends to stay where they are, few enough for milliseconds.
const RESAMPLES: usize = 1000;

/// Share of the draws below the value that counts as likely: too few GPUs cost more than too many.
const LIKELY: f64 = 0.46;

/// Smallest share of draws within bounds for which their lower end is trusted.
const AGREEING: f64 = 0.1;
/// Share of those draws that is left out at either end.
const OUTERMOST: f64 = 0.05;

/// Confidence of an interval, and the resampling behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Certainty {
    /// Probability that the truth lies within the interval.
    pub confidence: f64,
    /// Number of resamples.
    pub resamples: usize,
    /// Seed of their randomness.
    pub seed: u64,
}

impl Default for Certainty {
    /// Intervals of 90 % confidence, from 1000 resamples.
    fn default() -> Self {
        Self { confidence: 0.9, resamples: RESAMPLES, seed: 0 }
    }
}

/// Load that a rig carries within a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CapacityPoint {
    /// Runs in flight.
    pub concurrency: f64,
    /// Their mean time, in seconds.
    pub mean_runtime: f64,
    /// True if the figure is only the limit up to which figures go.
    pub capped: bool,
}

/// Capacity of a rig with its uncertainty.
#[derive(Clone, Debug, PartialEq)]
pub struct CapacitySamples {
    /// Best single figures.
    pub point: CapacityPoint,
    pub(super) drawn: Vec<CapacityPoint>,
    /// Capacity if the rig were saturated from the highest level on.
    pub(super) saturated: f64,
    pub(super) confidence: f64,
    /// True if a doubt set the lower end, to which no draw assigns a probability.
    pub(super) stretched: bool,
}

/// A figure derived from the capacity, with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CapacityRange {
    /// Best single figure.
    pub point: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// One-sided lower bound, at the full confidence.
    pub at_least: f64,
    /// Value that it is more likely than not to reach.
    pub likely: f64,
}

impl CapacitySamples {
    /// Takes, draw by draw, the smaller capacity of two models of the same resamples.
    pub(super) fn less_of(&self, other: &Self) -> Self {
        let less = |a: &CapacityPoint, b: &CapacityPoint| {
            if b.concurrency < a.concurrency { *b } else { *a }
        };
        Self {
            point: less(&self.point, &other.point),
            drawn: std::iter::zip(&self.drawn, &other.drawn).map(|(a, b)| less(a, b)).collect(),
            saturated: self.saturated.min(other.saturated),
            confidence: self.confidence,
            stretched: self.stretched || other.stretched,
        }
    }

    /// Keeps the draws that reach a load; if the best figure does not, their median takes its
    /// place.
    pub(super) fn at_least(&self, load: f64, mean_runtime: impl Fn(f64) -> f64) -> Self {
        let mut kept = self.clone();
        kept.drawn.retain(|it| it.concurrency >= load);
        if kept.point.concurrency < load {
            let concurrency = kept.median().unwrap_or(load);
            let mean_runtime = mean_runtime(concurrency);
            kept.point = CapacityPoint { concurrency, mean_runtime, capped: false };
        }
        kept
    }

    /// Returns the median load of the draws; `None` without any.
    fn median(&self) -> Option<f64> {
        let mut drawn: Vec<f64> = self.drawn.iter().map(|it| it.concurrency).collect();
        drawn.sort_unstable_by(f64::total_cmp);
        quantile_of_sorted(&drawn, 0.5)
    }

    /// Returns true if a figure is at or above the cap on all figures.
    pub(super) fn is_capped_at(&self, concurrency: f64) -> bool {
        let capped = self.drawn.iter().filter(|it| it.capped).map(|it| it.concurrency);
        capped.fold(f64::INFINITY, f64::min) <= concurrency
    }

    /// Keeps everything within bounds. A draw outside of them comes from a model that is wrong
    /// there; it is replaced by a random load between the bounds, on a logarithmic scale. `lowest`
    /// is the lowest level, `mean_runtime` the mean time of runs (seconds) at a load.
    pub(super) fn keep_within(
        &mut self,
        bounds: &Bounds,
        lowest: f64,
        seed: u64,
        mean_runtime: impl Fn(f64) -> f64,
    ) {
        let highest = bounds.highest().unwrap_or(f64::INFINITY);
        let at_least = bounds.at_least.unwrap_or(0.0).min(highest);
        let outside = |it: &CapacityPoint| it.concurrency < at_least || it.concurrency > highest;
        if !outside(&self.point) && !self.drawn.iter().any(outside) {
            return;
        }
        if let Some(taken) = bounds.taken.filter(|taken| *taken <= highest) {
            self.keep_to_what_is_taken((taken, highest), seed, &mean_runtime);
        }
        if !outside(&self.point) && !self.drawn.iter().any(outside) {
            return;
        }
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed ^ 0x626F_756E_6473);
        // Where some draws agree with the levels, what they say is no worse below either.
        let mut inside: Vec<f64> =
            self.drawn.iter().filter(|it| !outside(it)).map(|it| it.concurrency).collect();
        inside.sort_unstable_by(f64::total_cmp);
        let agreeing = inside.len() as f64 >= AGREEING * self.drawn.len() as f64;
        let lowest_inside = quantile_of_sorted(&inside, OUTERMOST).filter(|_| agreeing);
        let from = match lowest_inside {
            Some(lowest) => lowest,
            None if at_least > 0.0 => at_least,
            None => lowest.min(highest / 2.0),
        };
        // A model that says too little says so by as much as it fell short, and perhaps by as much again.
        let short = at_least / self.range(|it| it.concurrency).low;
        let furthest = quantile_of_sorted(&inside, 1.0 - OUTERMOST).filter(|_| agreeing);
        let highest_likely = furthest.map_or(highest, |it| (it * short.max(1.0)).min(highest));
        let from = from.ln();
        let to = if highest_likely.is_finite() { highest_likely.ln().max(from) } else { from };
        for it in &mut self.drawn {
            let share: f64 = rng.random();
            if outside(it) {
                let concurrency = (from + share * (to - from)).exp().clamp(at_least, highest);
                let mean_runtime = mean_runtime(concurrency);
                *it = CapacityPoint { concurrency, mean_runtime, capped: false };
            }
        }
        if outside(&self.point) {
            let concurrency = self.median().unwrap_or(at_least);
            let mean_runtime = mean_runtime(concurrency);
            self.point = CapacityPoint { concurrency, mean_runtime, capped: false };
        }
    }

    /// Limits the draws, where a server takes no more runs than some number between the two ends,
    /// to such numbers.
    fn keep_to_what_is_taken(
        &mut self,
        (taken, highest): (f64, f64),
        seed: u64,
        mean_runtime: impl Fn(f64) -> f64,
    ) {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed ^ 0x0074_616B_656E);
        let keep = |it: &mut CapacityPoint, share: f64| {
            let most = (taken.ln() + share * (highest / taken).ln()).exp().min(highest);
            if it.concurrency > most {
                let mean_runtime = mean_runtime(most);
                *it = CapacityPoint { concurrency: most, mean_runtime, capped: false };
            }
        };
        for it in &mut self.drawn {
            keep(it, rng.random());
        }
        keep(&mut self.point, 0.5);
    }

    /// Lowers draws beyond a load to that load.
    pub(super) fn no_more_than(&mut self, load: f64, mean_runtime: impl Fn(f64) -> f64) {
        for it in self.drawn.iter_mut().chain([&mut self.point]) {
            if it.concurrency > load {
                let mean_runtime = mean_runtime(load);
                *it = CapacityPoint { concurrency: load, mean_runtime, capped: false };
            }
        }
    }

    /// Lowers the best single figure to a load.
    pub(super) fn point_no_more_than(&mut self, load: f64, mean_runtime: impl Fn(f64) -> f64) {
        if self.point.concurrency > load {
            let mean_runtime = mean_runtime(load);
            self.point = CapacityPoint { concurrency: load, mean_runtime, capped: false };
        }
    }

    /// Stretches the interval to these ends because of a doubt: after that, no more than the lower
    /// end is certain.
    pub(super) fn stretch(&mut self, low: f64, high: f64) {
        self.stretched |= low < self.range(|it| it.concurrency).low;
        self.widen(low, high);
    }

    /// Widens the interval to these ends, where it is narrower, by moving the lowest and highest
    /// draws there: as many as lie beyond either end of an interval. The draws in between stay.
    pub(super) fn widen(&mut self, low: f64, high: f64) {
        let range = self.range(|it| it.concurrency);
        let beyond = (1.0 - self.confidence) / 2.0 * self.drawn.len() as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and no more than there are draws"
        )]
        let beyond = beyond.ceil() as usize + 1;
        let mut order: Vec<usize> = (0..self.drawn.len()).collect();
        let load =
            |drawn: &[CapacityPoint], index: &usize| drawn.get(*index).map(|it| it.concurrency);
        order.sort_by(|a, b| {
            let (a, b) = (load(&self.drawn, a), load(&self.drawn, b));
            a.unwrap_or_default().total_cmp(&b.unwrap_or_default())
        });
        let mut put = |index: &usize, end: f64| {
            if let Some(it) = self.drawn.get_mut(*index) {
                it.concurrency = end;
            }
        };
        if low < range.low {
            order.iter().take(beyond).for_each(|index| put(index, low));
        }
        if high > range.high {
            order.iter().rev().take(beyond).for_each(|index| put(index, high));
        }
    }

    /// Moves the best figure and two of three draws down to the end of the last step (of the given
    /// width) that each reaches, yet no lower than a load that met the target (`met`); the other
    /// draws stay, since levels that differ for other reasons look like steps. `mean_runtime` is
    /// the mean time of runs (seconds) at a load.
    pub(super) fn onto_steps(&mut self, width: f64, met: f64, mean_runtime: impl Fn(f64) -> f64) {
        let drawn = self.drawn.iter_mut().enumerate().filter(|(index, _)| index % 3 != 2);
        for it in drawn.map(|(_, it)| it).chain([&mut self.point]) {
            let end = (it.concurrency / width * (1.0 + 1e-9)).floor() * width;
            // Below the first step nothing is known of where it ends.
            let end = if end > 0.0 { end } else { it.concurrency };
            let concurrency = end.max(met.min(it.concurrency));
            let mean_runtime = mean_runtime(concurrency);
            *it = CapacityPoint { concurrency, mean_runtime, capped: it.capped };
        }
    }

    /// Computes the range of a figure over the draws.
    pub fn range(&self, figure: impl Fn(CapacityPoint) -> f64) -> CapacityRange {
        let point = figure(self.point);
        let mut drawn: Vec<f64> = self.drawn.iter().map(|drawn| figure(*drawn)).collect();
        drawn.sort_unstable_by(f64::total_cmp);
        let at = |share| quantile_of_sorted(&drawn, share).unwrap_or(point);
        let outside = 1.0 - self.confidence;
        CapacityRange {
            point,
            low: at(outside / 2.0).min(point),
            high: at(1.0 - outside / 2.0).max(point),
            at_least: at(if self.stretched { outside / 2.0 } else { outside }).min(point),
            likely: at(LIKELY).min(point),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried(concurrency: f64) -> CapacityPoint {
        CapacityPoint { concurrency, mean_runtime: 1.0, capped: false }
    }

    /// A thousand draws evenly between two loads.
    fn between(low: f64, high: f64) -> CapacitySamples {
        let draw = |index: u32| carried(low + (high - low) * (f64::from(index) + 0.5) / 1000.0);
        CapacitySamples {
            point: carried(f64::midpoint(low, high)),
            drawn: (0..1000).map(draw).collect(),
            saturated: high,
            confidence: 0.9,
            stretched: false,
        }
    }

    fn range(draws: &CapacitySamples) -> CapacityRange {
        draws.range(|it| it.concurrency)
    }

    #[test]
    fn an_interval_is_stretched_and_never_narrowed() {
        let mut draws = between(90.0, 110.0);
        draws.stretch(70.0, 100.0);
        let found = range(&draws);
        assert!((found.low - 70.0).abs() < 1.0, "{found:?}");
        assert!((found.high - 109.0).abs() < 0.2, "{found:?}");
        assert!((found.likely - 100.0).abs() < 2.0, "the middle stays: {found:?}");
        assert!(found.at_least <= found.low + 1e-9, "{found:?}");
        draws.stretch(95.0, 130.0);
        let found = range(&draws);
        assert!((found.low - 70.0).abs() < 1.0 && (found.high - 130.0).abs() < 1.0, "{found:?}");
    }

    #[test]
    fn draws_below_what_was_met_come_back_close_above_it() {
        let mut draws = between(90.0, 110.0);
        // A level at 105 met the limit; the next one, at 200, missed it.
        let bounds = Bounds { at_least: Some(105.0), below: Some(200.0), ..Bounds::default() };
        draws.keep_within(&bounds, 1.0, 0, |_| 1.0);
        let found = range(&draws);
        assert!(found.low >= 105.0, "{found:?}");
        // The model fell short by a sixth at the most: nothing speaks of 200.
        assert!((115.0..135.0).contains(&found.high), "{found:?}");
        // Where no draw agrees with the levels, anything between them may be.
        let mut draws = between(50.0, 60.0);
        draws.keep_within(&bounds, 1.0, 0, |_| 1.0);
        let found = range(&draws);
        assert!(found.low < 112.0 && found.high > 185.0, "{found:?}");
    }
}
