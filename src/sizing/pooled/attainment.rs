//! Share of times within a limit, by load.

use super::PooledModel;
use crate::sizing::tails::Spread;

impl PooledModel {
    /// Returns the share of times within a limit (seconds) as a function of load: the levels around
    /// each load tell how times spread there, above all where about `share` of them are.
    pub(in crate::sizing) fn within(&self, limit: f64, share: f64) -> Attainment<'_> {
        let lowest = self.seen.first().map_or(1.0, |seen| seen.concurrency);
        let highest = if self.tails.go_on() { self.furthest(limit) } else { self.highest };
        let steps = ((highest / lowest).ln() * Attainment::PER_E_FOLD).ceil().max(0.0);
        let loads = (0_u32..).map(f64::from).take_while(|step| *step <= steps);
        let of = |step: f64| {
            self.tails.spread_around(lowest * (step / Attainment::PER_E_FOLD).exp(), share)
        };
        Attainment { pooled: self, limit, lowest, spreads: loads.map(of).collect() }
    }
}

/// Share of times within a limit, as a function of load.
pub(in crate::sizing) struct Attainment<'a> {
    pooled: &'a PooledModel,
    limit: f64,
    lowest: f64,
    /// Spreads at loads that are evenly spaced on a logarithmic scale, from the lowest to the
    /// highest.
    spreads: Vec<Spread>,
}

impl Attainment<'_> {
    const PER_E_FOLD: f64 = 4.0;

    /// Returns the share at a load.
    pub fn at(&self, concurrency: f64) -> f64 {
        let last = self.spreads.len().saturating_sub(1) as f64;
        let step = (concurrency / self.lowest).ln() * Self::PER_E_FOLD;
        let step = step.clamp(0.0, last);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and the number of spreads"
        )]
        let below = step.floor() as usize;
        let multiple = self.limit / self.pooled.mean(concurrency);
        let share = |index| self.spreads.get(index).map(|spread: &Spread| spread.up_to(multiple));
        let low = share(below).unwrap_or(0.0);
        let high = share(below + 1).unwrap_or(low);
        low + (high - low) * (step - below as f64)
    }
}
