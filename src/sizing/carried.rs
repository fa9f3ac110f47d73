//! What a rig carries within a limit, as a best figure and as draws of what else it might be.

/// Share of the draws below what is taken as likely: too few GPUs cost more than too many.
const LIKELY: f64 = 0.45;

/// How certain an interval is, and from how many resamples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Certainty {
    /// The probability that the truth lies within it.
    pub confidence: f64,
    /// Resamples.
    pub resamples: usize,
    /// Seed of their randomness.
    pub seed: u64,
}

/// What a rig carries within a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Carried {
    /// Runs in flight.
    pub concurrency: f64,
    /// How long they take on average, in seconds.
    pub mean_runtime: f64,
}

/// What a rig carries, and what else it might.
#[derive(Clone, Debug, PartialEq)]
pub struct CarriedDraws {
    /// The best single figures.
    pub point: Carried,
    pub(super) drawn: Vec<Carried>,
    pub(super) confidence: f64,
}

/// A figure of what is carried, with what is left open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CarriedRange {
    /// The best single figure.
    pub point: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// What it is at least, with the whole of the confidence.
    pub at_least: f64,
    /// What it is rather more than less likely to reach.
    pub likely: f64,
}

impl CarriedDraws {
    /// The range of a figure.
    pub fn range(&self, figure: impl Fn(Carried) -> f64) -> CarriedRange {
        let point = figure(self.point);
        let mut drawn: Vec<f64> = self.drawn.iter().map(|drawn| figure(*drawn)).collect();
        drawn.sort_unstable_by(f64::total_cmp);
        let at = |share| crate::measure::quantile_of_sorted(&drawn, share).unwrap_or(point);
        let outside = 1.0 - self.confidence;
        CarriedRange {
            point,
            low: at(outside / 2.0).min(point),
            high: at(1.0 - outside / 2.0).max(point),
            at_least: at(outside).min(point),
            likely: at(LIKELY).min(point),
        }
    }
}
