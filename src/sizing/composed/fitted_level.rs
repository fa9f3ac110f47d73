//! A level with the rates of its LLM calls.

use super::part::{FEATURES, Features, Part};
use super::rates::{Normal, Rates};

/// Distance of loads, as a logarithm, at which a level counts e^(-1/2) as much for the rates of tokens at another.
const NEAR: f64 = 0.25;
/// Times that weights are made from the last rates.
const ROUNDS: usize = 2;
/// Smallest share of the mean time that a prediction is taken for.
const LEAST: f64 = 0.05;
/// Share of the variation in the time of calls that tokens explain at the level where they explain most, if they
/// are what calls have to do.
const EXPLAINED: f64 = 0.8;
/// Fewest runs of a level that show it.
const FEWEST: usize = 8;

/// A level with the rates of its LLM calls.
pub(super) struct FittedLevel {
    pub concurrency: f64,
    pub parts: Vec<Part>,
    /// Rates at this level.
    pub rates: Rates,
    /// Mean seconds of its runs' LLM calls.
    mean: f64,
}

impl FittedLevel {
    /// Returns the runtime of a run of this composition at this level, in seconds.
    pub fn time(&self, part: &Part) -> f64 {
        part.outside + self.llm_time(part)
    }

    /// Returns the seconds of its LLM calls.
    pub fn llm_time(&self, part: &Part) -> f64 {
        self.rates.time(&part.features).max(LEAST * self.mean)
    }

    /// Returns what the rates leave of each run, divided by the root of its time; as large as it would be of
    /// rates that were known.
    pub fn residuals(&self) -> impl Iterator<Item = f64> + '_ {
        let freedom = self.freedom().sqrt();
        let of = move |part: &Part| {
            let time = self.llm_time(part);
            freedom * (part.llm_time - time) / time.sqrt()
        };
        self.parts.iter().map(of)
    }

    /// Returns the sum of squares that the rates leave, in seconds.
    pub fn squares(&self) -> f64 {
        let squares = self.parts.iter().map(|part| (part.llm_time - self.llm_time(part)).powi(2));
        squares.sum::<f64>() * self.freedom()
    }

    /// Returns true if tokens explain most of what the number of calls leaves of the time.
    fn is_explained(&self) -> bool {
        let made = self.parts.len();
        let calls: f64 = self.parts.iter().map(Part::calls).sum();
        let each = self.mean * made as f64 / calls;
        let off = |part: &Part| (part.llm_time - each * part.calls()).powi(2);
        let by_calls = self.parts.iter().map(off).sum::<f64>() * made as f64 / (made as f64 - 1.0);
        let rounding = f64::EPSILON * made as f64 * self.mean.powi(2);
        made >= FEWEST && self.squares() <= (1.0 - EXPLAINED) * by_calls + rounding
    }

    fn freedom(&self) -> f64 {
        let made = self.parts.len() as f64;
        made / (made - FEATURES as f64).max(1.0)
    }
}

/// Fits the rates of each level; `None` if one shows no time, or if tokens explain little of it at every level. Where
/// calls wait for each other, that is to be expected; if tokens are not all the work of calls, or are miscounted, it
/// happens at the lowest levels as well.
///
/// If calls were streamed, the time up to first tokens depends on calls and prompt tokens alone, and the rest on
/// generated tokens, unless that explains little: the first piece of some streams is all of the answer.
pub(super) fn fitted(loads: &[f64], parts: &[Vec<Part>]) -> Option<Vec<FittedLevel>> {
    let streamed = parts.iter().flatten().all(|part| part.first_tokens.is_some());
    let explaining = |levels: &Vec<FittedLevel>| levels.iter().any(FittedLevel::is_explained);
    let of = |streamed| fitted_to(loads, parts, streamed).filter(explaining);
    of(streamed).or_else(|| streamed.then(|| of(false)).flatten())
}

/// Fits the rates of each level, whether or not any explain its time.
///
/// Seconds per token change slowly with the load, so they are fitted to the levels around as well, each with its own
/// rate per call: at higher loads the wait of a call grows, and does so suddenly.
fn fitted_to(loads: &[f64], parts: &[Vec<Part>], streamed: bool) -> Option<Vec<FittedLevel>> {
    let means: Vec<f64> = parts.iter().map(|parts| Part::mean(parts.iter()).llm_time).collect();
    if means.iter().any(|mean| *mean <= 0.0) {
        return None;
    }
    let rates = if streamed {
        let rates = around(loads, parts, &|part| {
            let [calls, prompt, _] = part.features;
            ([calls, prompt, 0.0], part.first_tokens.unwrap_or(0.0))
        });
        std::iter::zip(rates, parts).map(|(rates, parts)| after_first(rates, parts)).collect()
    } else {
        around(loads, parts, &|part| (part.features, part.llm_time))
    };
    let each = std::iter::zip(std::iter::zip(loads, parts), std::iter::zip(means, rates));
    let level = |((&concurrency, parts), (mean, rates)): ((&f64, &Vec<Part>), (f64, Rates))| {
        FittedLevel { concurrency, rates: of_calls(rates, parts), parts: parts.clone(), mean }
    };
    Some(each.map(level).collect())
}

/// Sets the rate of generated tokens from the time after first tokens.
fn after_first(mut rates: Rates, parts: &[Part]) -> Rates {
    let tokens: f64 = parts.iter().map(|part| part.features[2]).sum();
    let after = parts.iter().map(|part| part.llm_time - part.first_tokens.unwrap_or(0.0));
    if tokens > 0.0 {
        rates.0[2] = (after.sum::<f64>() / tokens).max(0.0);
    }
    rates
}

/// Sets the rate of calls so that the mean of a level's own runs is exact.
fn of_calls(mut rates: Rates, parts: &[Part]) -> Rates {
    let calls: f64 = parts.iter().map(Part::calls).sum();
    let left: f64 = parts.iter().map(|part| part.llm_time - rates.of_tokens(&part.features)).sum();
    rates.0[0] = left / calls;
    rates
}

/// Fits the rates of tokens at each level to features and times (seconds) of the runs around it. Times vary
/// about as the root of their length, so each counts by the inverse of what is expected of it.
fn around(loads: &[f64], parts: &[Vec<Part>], of: &dyn Fn(&Part) -> (Features, f64)) -> Vec<Rates> {
    let mut rates: Option<Vec<Rates>> = None;
    for _ in 0..ROUNDS {
        let of_level = |(index, parts): (usize, &Vec<Part>)| {
            let mut normal = Normal::default();
            let mean = parts.iter().map(|part| of(part).1).sum::<f64>() / parts.len() as f64;
            let last = rates.as_ref().and_then(|rates| rates.get(index));
            for part in parts {
                let (features, time) = of(part);
                let expected = last.map_or(mean, |rates| rates.time(&features));
                normal.add(
                    &features,
                    time,
                    1.0 / expected.max(LEAST * mean).max(f64::MIN_POSITIVE),
                );
            }
            normal
        };
        let normals: Vec<Normal> = parts.iter().enumerate().map(of_level).collect();
        let around = |(at, own): (&f64, &Normal)| {
            let mut normal = Normal::default();
            for (load, it) in std::iter::zip(loads, &normals) {
                let distance = (load / at).ln() / NEAR;
                normal.add_of_tokens(it, (-0.5 * distance * distance).exp());
            }
            own.with_calls(normal.solve())
        };
        rates = Some(std::iter::zip(loads, &normals).map(around).collect());
    }
    rates.unwrap_or_default()
}
