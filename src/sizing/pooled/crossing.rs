//! Load at which a quantile reaches a limit, where its multiple of the mean changes with the load.

use super::PooledModel;
use crate::measure::Quantile;

/// Step of the loads between which the crossing is looked for, as a logarithm.
const STEP: f64 = 0.1;

/// Multiples of the mean by load, ascending.
pub(super) struct Multiples(Vec<MultipleAt>);

struct MultipleAt {
    /// Logarithm of the load.
    log: f64,
    load: f64,
    multiple: f64,
}

impl Multiples {
    /// Tabulates the multiples of a model from half its lowest level up to a load.
    pub fn of(pooled: &PooledModel, quantile: Quantile, furthest: f64) -> Self {
        let from = (pooled.seen.first().map_or(1.0, |seen| seen.concurrency) / 2.0).ln();
        let loads = (0_u32..).map(|step| from + STEP * f64::from(step));
        let loads = loads.take_while(|load| *load < furthest.ln() + STEP);
        let share = quantile.share();
        let of = |log: f64| {
            let load = log.exp();
            MultipleAt { log, load, multiple: pooled.tails.at(load, share).multiple }
        };
        Self(loads.map(of).collect())
    }

    /// Returns the load at which a mean (seconds, by load) times the multiple first reaches a limit (seconds),
    /// and the multiple there; the ends of the table limit it.
    pub fn reach(&self, mean: impl Fn(f64) -> f64, limit: f64) -> (f64, f64) {
        // As a factor: most are looked at for every draw, and two of them need a logarithm.
        let beyond = |it: &MultipleAt| mean(it.load) * it.multiple / limit;
        let mut before: Option<(&MultipleAt, f64)> = None;
        for here in &self.0 {
            let factor = beyond(here);
            if factor >= 1.0 {
                let Some((from, below)) = before else { return (here.load, here.multiple) };
                let (below, above) = (below.ln(), factor.ln());
                let share = below / (below - above);
                let at = from.log + (here.log - from.log) * share;
                return (at.exp(), from.multiple + (here.multiple - from.multiple) * share);
            }
            before = Some((here, factor));
        }
        before.map_or((1.0, 1.0), |(last, _)| (last.load, last.multiple))
    }
}
