//! Load at which a quantile reaches a limit, where its multiple of the mean changes with the load.

use super::PooledModel;
use crate::measure::Quantile;

/// Step of the loads between which the crossing is looked for, as a logarithm.
const STEP: f64 = 0.1;

/// Multiples of the mean by load, ascending by the logarithm of the load.
pub(super) struct Multiples(Vec<(f64, f64)>);

impl Multiples {
    /// Tabulates the multiples of a model from half its lowest level up to a load.
    pub fn of(pooled: &PooledModel, quantile: Quantile, furthest: f64) -> Self {
        let from = (pooled.seen.first().map_or(1.0, |seen| seen.concurrency) / 2.0).ln();
        let loads = (0_u32..).map(|step| from + STEP * f64::from(step));
        let loads = loads.take_while(|load| *load < furthest.ln() + STEP);
        let share = quantile.share();
        Self(loads.map(|load| (load, pooled.tails.at(load.exp(), share).multiple)).collect())
    }

    /// Returns the load at which a mean (seconds, by load) times the multiple first reaches a limit (seconds),
    /// and the multiple there; the ends of the table limit it.
    pub fn reach(&self, mean: impl Fn(f64) -> f64, limit: f64) -> (f64, f64) {
        let mut before: Option<(f64, f64, f64)> = None;
        for &(load, multiple) in &self.0 {
            let off = (mean(load.exp()) * multiple / limit).ln();
            if off >= 0.0 {
                let Some((from, from_off, from_multiple)) = before else {
                    return (load.exp(), multiple);
                };
                let share = from_off / (from_off - off);
                let at = from + (load - from) * share;
                return (at.exp(), from_multiple + (multiple - from_multiple) * share);
            }
            before = Some((load, off, multiple));
        }
        before.map_or((1.0, 1.0), |(load, _, multiple)| (load.exp(), multiple))
    }
}
