//! Runs by what they have to process: calls, tokens, and time outside of calls.
//!
//! How long a run takes is mostly what it has to generate, and that does not depend on the load. So the
//! compositions of runs are pooled over all levels, while each level has its own [`rates`]: the regression of
//! the time of its runs' LLM calls on the number of calls, prompt tokens and generated tokens. What the
//! regression leaves is resampled, in proportion to the square root of the time.
//!
//! [`ComposedLevels::of`] is the way in; [`compositions`] has the distribution of runs at any load. Where some calls
//! report no tokens, where tokens explain little of the time, where runs of a level met different loads, or where
//! what runs have to process depends on the load, there is none, and runs are pooled as they are.

mod compositions;
mod dependence;
mod fitted_level;
mod part;
mod rates;

pub(super) use compositions::Compositions;

use super::curve::MeanPoint;
use super::means::{Sample, weighted};
use super::observed::{MOST_COUNTED, ObservedLevel};
use dependence::depend_on_load;
use fitted_level::{FittedLevel, fitted};
use part::Part;

/// Fewest runs of all levels together.
const FEWEST: usize = 16;
/// Exponent that leads from the share of a variance that compositions explain to the share that they explain of
/// being over the 95th percentile: within 0.07 of it if both are normal.
const OF_TAIL: f64 = 0.45;

/// Chance that all levels share, since they share their compositions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SharedChance {
    /// Standard error of the logarithm of their means.
    pub mean: f64,
    /// Inverse of the number of runs behind a share over a limit.
    pub tail: f64,
}

/// Levels as they would have been if each had met the compositions of all.
pub(super) struct ComposedLevels {
    /// Times of each level.
    pub samples: Vec<Vec<Sample>>,
    /// Means, ascending by concurrency.
    pub seen: Vec<MeanPoint>,
    /// Noise of one run, relative to the mean, beyond its composition.
    pub noise: f64,
    /// Chance that all levels share.
    pub shared: SharedChance,
    /// Distribution of runs at any load.
    pub compositions: Compositions,
}

impl ComposedLevels {
    /// Pools the compositions of levels (ascending by concurrency); `None` where tokens are not counted or explain
    /// little, or compositions depend on the load.
    pub fn of(levels: &[&ObservedLevel]) -> Option<Self> {
        let steady = levels.iter().all(|level| level.is_level() && !level.unsteady);
        if !steady || levels.len() < 2 {
            return None;
        }
        let parts: Option<Vec<Vec<Part>>> =
            levels.iter().map(|level| level.runs.iter().map(Part::of).collect()).collect();
        let parts = parts?;
        let loads: Option<Vec<f64>> =
            levels.iter().map(|level| Some(level.runs.first()?.concurrency)).collect();
        let loads = loads?;
        let runs = parts.iter().map(Vec::len).sum::<usize>();
        if !(FEWEST..=MOST_COUNTED).contains(&runs) || depend_on_load(&loads, &parts) {
            return None;
        }
        Some(Self::pooled(&fitted(&loads, &parts)?))
    }

    fn pooled(levels: &[FittedLevel]) -> Self {
        let count = levels.iter().map(|level| level.parts.len()).sum::<usize>() as f64;
        let mean = Part::mean(levels.iter().flat_map(|level| &level.parts));
        let mut seen = Vec::new();
        let mut shared = SharedChance::default();
        let mut tails = Vec::new();
        for level in levels {
            let made = level.parts.len() as f64;
            let seconds = level.time(&mean);
            let squares = level.squares();
            let of = level.concurrency;
            seen.push((
                MeanPoint { concurrency: of, seconds, weight: made },
                squares / seconds.powi(2),
            ));
            let parts = levels.iter().flat_map(|it| &it.parts);
            let explained =
                parts.map(|part| (level.time(part) - seconds).powi(2)).sum::<f64>() / count;
            let left = squares / made;
            let of_tail = if left > 0.0 {
                1.0 - (left / (explained + left)).powf(OF_TAIL)
            } else {
                1.0 - 1.0 / count
            };
            shared.mean += (explained / count).sqrt() / seconds * made / count;
            shared.tail += of_tail / count * made / count;
            tails.push(of_tail);
        }
        let compositions = Compositions::of(levels, &mean, &tails);
        let samples = std::iter::zip(levels, &tails);
        let samples =
            samples.map(|(level, of_tail)| compositions.samples(level, *of_tail)).collect();
        let (seen, noise) = weighted(seen);
        Self { samples, seen, noise, shared, compositions }
    }
}

#[cfg(test)]
mod tests;
