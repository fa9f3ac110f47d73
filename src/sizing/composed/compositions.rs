//! Distribution of runs at any load, from the compositions of all levels and the rates of those around it.

use super::fitted_level::FittedLevel;
use super::part::Part;
use super::rates::Rates;
use crate::sizing::means::Sample;

/// Fewest runs that a distribution is made of: compositions are used again with other residuals.
const FEWEST: usize = 600;
/// Most runs of other levels that a level borrows the compositions of.
const MOST_BORROWED: usize = 600;
/// Distance of loads, as a logarithm, at which the residuals of a level count e^(-1/2) as much.
const NEAR: f64 = 0.5;
/// Smallest share of its expected time that a run takes.
const LEAST: f64 = 0.1;
/// Step that spreads choices evenly, however many there are.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// Rates and residuals at a level.
struct LevelRates {
    concurrency: f64,
    rates: Rates,
    /// Residuals of its runs, divided by the root of their time.
    residuals: Vec<f64>,
    /// Share of being slow that compositions explain.
    of_tail: f64,
}

/// Compositions of all runs, with the rates at each level.
pub(in crate::sizing) struct Compositions {
    parts: Vec<Part>,
    mean: Part,
    levels: Vec<LevelRates>,
    /// Share of what time grows by, beyond the highest level, that is in proportion to tokens.
    of_tokens: f64,
}

/// Distribution of times as multiples of their mean.
pub(in crate::sizing) struct Distribution {
    /// Multiples, ascending.
    pub multiples: Vec<f64>,
    /// Effective number of runs behind it, beyond the compositions.
    pub runs: f64,
    /// Effective number of levels behind it.
    pub levels: f64,
}

impl Compositions {
    /// Collects the compositions of all levels; `mean` is their mean.
    pub(super) fn of(levels: &[FittedLevel], mean: &Part, of_tail: &[f64]) -> Self {
        let parts = levels.iter().flat_map(|level| &level.parts).copied().collect();
        let at_level = |(level, of_tail): (&FittedLevel, &f64)| LevelRates {
            concurrency: level.concurrency,
            rates: level.rates,
            residuals: level.residuals().collect(),
            of_tail: *of_tail,
        };
        Self {
            parts,
            mean: *mean,
            levels: std::iter::zip(levels, of_tail).map(at_level).collect(),
            of_tokens: growth_by_tokens(levels, mean),
        }
    }

    /// Returns the distribution at a load, whose mean time is `seconds` according to the curve.
    pub fn at(&self, concurrency: f64, seconds: f64) -> Distribution {
        let weights = self.weights(concurrency);
        let rates = self.rates_at(concurrency, seconds);
        let residuals = self.residuals(&weights);
        let whole = FEWEST.div_ceil(self.parts.len().max(1)) * self.parts.len();
        let time = |index: usize| {
            let part = self.parts.get(index % self.parts.len().max(1))?;
            let expected = rates.time(&part.features).max(LEAST * LEAST * seconds);
            Some(taking(part.outside, expected, residuals.nth(index)))
        };
        let mut multiples: Vec<f64> = (0..whole).filter_map(time).collect();
        let mean = multiples.iter().sum::<f64>() / multiples.len().max(1) as f64;
        for multiple in &mut multiples {
            *multiple /= mean;
        }
        multiples.sort_unstable_by(f64::total_cmp);
        let (mut runs, mut squares, mut of_runs) = (0.0, 0.0, 0.0);
        for (level, weight) in std::iter::zip(&self.levels, &weights) {
            let made = level.residuals.len() as f64 / (1.0 - level.of_tail);
            runs += weight * made;
            of_runs += weight * weight * made;
            squares += (weight * made).powi(2);
        }
        Distribution { multiples, runs: runs * runs / of_runs, levels: runs * runs / squares }
    }

    /// Returns the runs of a level as they would have been with the compositions of all. They count as many as
    /// would tell as much of being slow if nothing were known of their compositions.
    pub(super) fn samples(&self, level: &FittedLevel, of_tail: f64) -> Vec<Sample> {
        let own: Vec<f64> = level.residuals().collect();
        let residuals = Residuals { levels: vec![(1.0, own.as_slice())] };
        let all = self.levels.iter().map(|it| it.residuals.len()).sum::<usize>();
        let count = |seconds, count| Sample { concurrency: level.concurrency, seconds, count };
        let effective = (own.len() as f64 / (1.0 - of_tail)).min(all as f64);
        let each = effective / all as f64;
        let others = all - own.len();
        let step = self.parts.len().div_ceil(MOST_BORROWED).max(1);
        let borrowed: Vec<&Part> = self.parts.iter().step_by(step).collect();
        let of_borrowed = each * others as f64 / borrowed.len().max(1) as f64;
        let time = |(index, part): (usize, &&Part)| {
            let expected = level.llm_time(part);
            taking(part.outside, expected, residuals.nth(index))
        };
        let borrowed = borrowed.iter().enumerate().map(time).map(|it| count(it, of_borrowed));
        let seen = level.parts.iter().map(|part| count(part.runtime, each));
        seen.chain(borrowed).filter(|it| it.seconds > 0.0).collect()
    }

    /// Returns the weight of each level's residuals at a load.
    fn weights(&self, concurrency: f64) -> Vec<f64> {
        let ends = self.levels.first().zip(self.levels.last());
        let (low, high) = ends.map_or((1.0, 1.0), |(a, b)| (a.concurrency, b.concurrency));
        let centre = concurrency.clamp(low, high.max(low));
        let weight = |level: &LevelRates| {
            let distance = (level.concurrency / centre).ln() / NEAR;
            (-0.5 * distance * distance).exp()
        };
        self.levels.iter().map(weight).collect()
    }

    /// Returns the rates at a load: those of the levels beside it in proportion, scaled to a mean time. Beyond
    /// the highest, what is added is wait and work in the proportion in which it was added before.
    fn rates_at(&self, concurrency: f64, seconds: f64) -> Rates {
        let above = self.levels.partition_point(|level| level.concurrency < concurrency);
        let before = above.checked_sub(1).and_then(|index| self.levels.get(index));
        let wanted = seconds - self.mean.outside;
        match (before, self.levels.get(above)) {
            (Some(low), Some(high)) => {
                let share = (concurrency - low.concurrency) / (high.concurrency - low.concurrency);
                self.scaled(low.rates.between(&high.rates, share), wanted)
            }
            (None, Some(only)) => self.scaled(only.rates, wanted),
            (Some(last), None) => {
                let now = last.rates.time(&self.mean.features);
                let added = wanted - now;
                if added <= 0.0 {
                    return self.scaled(last.rates, wanted);
                }
                let tokens = last.rates.of_tokens(&self.mean.features);
                let by_tokens = if tokens > 0.0 { self.of_tokens * added } else { 0.0 };
                let mut rates = last.rates;
                if tokens > 0.0 {
                    rates.0.iter_mut().skip(1).for_each(|rate| *rate *= 1.0 + by_tokens / tokens);
                }
                rates.0[0] += (added - by_tokens) / self.mean.calls();
                rates
            }
            (None, None) => Rates::default(),
        }
    }

    fn scaled(&self, rates: Rates, wanted: f64) -> Rates {
        let now = rates.time(&self.mean.features);
        let by = if now > 0.0 { (wanted / now).max(LEAST * LEAST) } else { 1.0 };
        Rates(rates.0.map(|rate| rate * by))
    }

    fn residuals<'a>(&'a self, weights: &[f64]) -> Residuals<'a> {
        let mut up_to = 0.0;
        let of = |(level, weight): (&'a LevelRates, &f64)| {
            up_to += weight * level.residuals.len() as f64;
            (up_to, level.residuals.as_slice())
        };
        Residuals { levels: std::iter::zip(&self.levels, weights).map(of).collect() }
    }
}

/// Residuals of levels, each with the sum of the weights up to its end.
struct Residuals<'a> {
    levels: Vec<(f64, &'a [f64])>,
}

impl Residuals<'_> {
    /// Returns one of them, so that neighbouring indices spread evenly over all.
    fn nth(&self, index: usize) -> f64 {
        let all = self.levels.last().map_or(0.0, |(up_to, _)| *up_to);
        let at = spread_evenly(index) * all;
        let level = self.levels.partition_point(|(up_to, _)| *up_to <= at);
        let from = level.checked_sub(1).and_then(|before| self.levels.get(before));
        let from = from.map_or(0.0, |(up_to, _)| *up_to);
        let Some((to, residuals)) = self.levels.get(level) else { return 0.0 };
        let share = (at - from) / (to - from);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and the number of residuals"
        )]
        let place = (share * residuals.len() as f64) as usize;
        residuals.get(place).copied().unwrap_or(0.0)
    }
}

/// Returns the seconds of a run that spends some outside of LLM calls, some expected in them, and a residual,
/// which is in proportion to the root of the latter.
fn taking(outside: f64, expected: f64, residual: f64) -> f64 {
    outside + (expected + residual * expected.sqrt()).max(LEAST * expected)
}

/// Returns a number from 0 to 1, so that those of neighbouring indices spread evenly.
fn spread_evenly(index: usize) -> f64 {
    ((index as f64 + 0.5) * GOLDEN).fract()
}

/// Returns the share of the growth of the mean time, from the last level but one to the last, that is in
/// proportion to tokens; where time hardly grows, the share that tokens have of all.
fn growth_by_tokens(levels: &[FittedLevel], mean: &Part) -> f64 {
    let [.., before, last] = levels else { return 1.0 };
    let of = |level: &FittedLevel| {
        let error = (level.squares() / (level.parts.len() as f64).powi(2)).sqrt();
        let time = level.rates.time(&mean.features);
        (time, level.rates.of_tokens(&mean.features), error)
    };
    let ((from, tokens_from, error_from), (to, tokens_to, error_to)) = (of(before), of(last));
    let error = error_from.hypot(error_to);
    let share = if to > 0.0 { tokens_to / to } else { 1.0 };
    let (grown, by_tokens) = ((to - from).max(0.0), (tokens_to - tokens_from).max(0.0));
    ((by_tokens + share * error) / (grown + error).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0)
}
