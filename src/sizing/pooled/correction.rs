//! Correction of the model by the runs around the answer: a logistic regression of being over the limit.
//!
//! The capacity of the model is where its mean times its tail reaches the limit. Where a quantile grows far
//! more slowly with the load than the mean does, as on a server with slots left or with a few long runs
//! among many short ones, a tail that is off by a few percent moves that crossing far. The runs themselves
//! say how many of them are over the limit at each level. So the logit of the model's share over the limit
//! is corrected by `α + β·ln(load / centre)`, fitted to the levels around the answer by maximum likelihood
//! (the offset is the model's own logit, so what the model explains needs no correction).
//!
//! Of the correction that is fitted, the share `1 − c / T²` is applied, where T² is its squared distance from
//! zero in standard errors (the positive part of James and Stein's estimator). For the interval, c is small: what
//! the runs leave open is uncertain even if they agree with the model. For the best single figure it is large:
//! chance must not move what fits.

use super::attainment::Attainment;
use super::logistic::{Pair, WeightedLevel, distance, fit, logit, root};
use super::run_times::RunTimes;
use super::{PooledModel, corrected};
use crate::measure::Quantile;

/// Distance of a level from the answer, as a logarithm of the load, at which it counts e^(-1/2) as much.
const NEAR: f64 = 0.5;
/// Distance from the centre, as a logarithm of the load, up to which the correction changes with the load.
const LOCAL: f64 = 1.0;
/// Fewest levels that show how a share changes with the load.
const FEWEST_LEVELS: usize = 3;
/// Rounds in which the answer and the levels around it agree with each other.
const ROUNDS: usize = 5;
/// Step of the loads between which the crossing is looked for, as a logarithm.
const STEP: f64 = 0.02;
/// Squared standard errors up to which none of a correction is applied to the interval.
const OF_INTERVAL: f64 = 0.5;
/// The same for the best single figure.
const OF_POINT: f64 = 4.0;

/// Correction of a capacity.
pub(super) struct Correction {
    crossing: Crossing,
    /// Logarithm of the load at which the model alone crosses the limit.
    uncorrected: f64,
    /// Logarithm of the load around which it was fitted.
    centre: f64,
    fitted: Pair,
    /// Lower triangle of the root of the covariance: `[xx, xy, yy]`.
    root: [f64; 3],
    /// Share of the correction that is applied to the interval, between 0 and 1.
    applied: f64,
    /// Share that is applied to the best single figure.
    of_point: f64,
}

impl Correction {
    /// Returns the share of the correction that is applied to the interval; the model's own chance counts for
    /// the rest.
    pub fn applied(&self) -> f64 {
        self.applied
    }

    /// Returns by how much the best single figure moves, as a logarithm.
    pub fn moves_point(&self) -> f64 {
        let by = [self.of_point * self.fitted[0], self.of_point * self.fitted[1]];
        self.crossing.at(by, self.centre) - self.uncorrected
    }

    /// Returns by how much the capacity moves, as a logarithm, with the fitted correction moved by two normal
    /// deviates.
    pub fn moves(&self, [a, b]: Pair) -> f64 {
        let [xx, xy, yy] = self.root;
        let chance = self.applied.sqrt();
        let by = [
            self.applied * self.fitted[0] + chance * xx * a,
            self.applied * self.fitted[1] + chance * (xy * a + yy * b),
        ];
        self.crossing.at(by, self.centre) - self.uncorrected
    }
}

/// Logits of the model's share over the limit, by load, and the one that is looked for.
struct Crossing {
    /// Logarithm of the lowest load.
    from: f64,
    logits: Vec<f64>,
    wanted: f64,
}

impl Crossing {
    /// Tabulates the model up to a load.
    fn of(within: &Attainment<'_>, share: f64, (lowest, highest): (f64, f64)) -> Self {
        let from = lowest.ln();
        let loads = (0_u32..).map(|step| from + STEP * f64::from(step));
        let loads = loads.take_while(|load| *load <= highest.ln() + STEP);
        let logits = loads.map(|load| logit(1.0 - within.at(load.exp()))).collect();
        Self { from, logits, wanted: logit(1.0 - share) }
    }

    /// Returns the logarithm of the load nearest to the centre at which the corrected share is the wanted one;
    /// an end of the table if there is none. Above the wanted share it is looked for at lower loads, and
    /// below it at higher ones, since no share falls as the load rises.
    fn at(&self, by: Pair, centre: f64) -> f64 {
        let last = self.logits.len().saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and the number of loads"
        )]
        let middle = ((centre - self.from) / STEP).round().clamp(0.0, last as f64) as usize;
        let mut before = (self.load(middle), self.off(middle, by, centre));
        let is_beyond = before.1 > 0.0;
        let outward: &mut dyn Iterator<Item = usize> =
            if is_beyond { &mut (0..middle).rev() } else { &mut (middle + 1..=last) };
        for step in outward {
            let here = (self.load(step), self.off(step, by, centre));
            if (here.1 > 0.0) != is_beyond {
                return before.0 + (here.0 - before.0) * before.1 / (before.1 - here.1);
            }
            before = here;
        }
        before.0
    }

    fn load(&self, step: usize) -> f64 {
        self.from + STEP * step as f64
    }

    /// Returns by how much the logit of the corrected share exceeds the wanted one at a step of the table.
    fn off(&self, step: usize, [alpha, beta]: Pair, centre: f64) -> f64 {
        let from_centre = (self.load(step) - centre).clamp(-LOCAL, LOCAL);
        let logit = self.logits.get(step).copied().unwrap_or(f64::INFINITY);
        logit + alpha + beta * from_centre - self.wanted
    }
}

impl PooledModel {
    /// Returns the best single figure of the capacity within a limit (seconds).
    pub(in crate::sizing) fn point(&self, quantile: Quantile, limit: f64) -> f64 {
        let point = self.best(quantile.share(), limit).0;
        let correction = self.correction(quantile.share(), limit, point.concurrency);
        correction.map_or(point.concurrency, |it| corrected(point.concurrency, it.moves_point()))
    }

    /// Fits the correction of the model's capacity (`point`, a load) for a share of runs within a limit
    /// (seconds); `None` if none is applied, or if too few levels say how many are over.
    pub(super) fn correction(&self, share: f64, limit: f64, point: f64) -> Option<Correction> {
        if self.timed.len() < FEWEST_LEVELS {
            return None;
        }
        let within = self.within(limit, share);
        let lowest = self.seen.first()?.concurrency;
        let crossing = Crossing::of(&within, share, (lowest / 2.0, self.furthest(limit)));
        let together = self.runs_for_one(limit, point);
        let compared = |it: &RunTimes| {
            let (runs, over) = it.over(limit);
            let (runs, over) = (runs / together, over / together);
            ComparedLevel { at: it.at, offset: logit(1.0 - within.at(it.at.exp())), runs, over }
        };
        let levels: Vec<ComparedLevel> = self.timed.iter().map(compared).collect();
        let bounded = |load: f64| load.clamp(lowest.ln(), self.highest.ln());
        let mut centre = bounded(point.ln());
        let mut found = None;
        for _ in 0..ROUNDS {
            let around: Vec<WeightedLevel> = levels.iter().map(|it| it.around(centre)).collect();
            let (fitted, covariance) = fit(&around)?;
            let uncorrected = crossing.at([0.0; 2], centre);
            found = Some((centre, uncorrected, fitted, covariance));
            let moved = crossing.at(fitted, centre) - uncorrected;
            let next = bounded(point.ln() + moved);
            if (next - centre).abs() < STEP / 4.0 {
                break;
            }
            // Half of the way: between two levels that say different things it would go to and fro.
            centre = f64::midpoint(centre, next);
        }
        let (centre, uncorrected, fitted, covariance) = found?;
        let distance = distance(fitted, covariance)?;
        let applied = |none: f64| (1.0 - none / distance).max(0.0);
        let (applied, of_point) = (applied(OF_INTERVAL), applied(OF_POINT));
        let root = root(covariance)?;
        let correction =
            Correction { crossing, uncorrected, centre, fitted, root, applied, of_point };
        (applied > 0.0).then_some(correction)
    }
}

/// A level held against the model.
struct ComparedLevel {
    /// Logarithm of its load.
    at: f64,
    /// Logit of the model's share over the limit.
    offset: f64,
    runs: f64,
    over: f64,
}

impl ComparedLevel {
    /// Weighs the level by its distance from a centre.
    fn around(&self, centre: f64) -> WeightedLevel {
        let Self { at, offset, runs, over } = *self;
        let distance = at - centre;
        let weight = (-0.5 * (distance / NEAR).powi(2)).exp();
        WeightedLevel { weight, distance, offset, runs, over }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crossing_is_looked_for_on_the_side_on_which_it_lies() {
        // The logit is that of the load itself, 0 at a load of 1.
        let logits = (0..400_u32).map(|step| -4.0 + STEP * f64::from(step)).collect();
        let table = Crossing { from: -4.0, logits, wanted: logit(0.05) };
        let plain = table.at([0.0; 2], 0.0);
        assert!((plain - logit(0.05)).abs() < 1e-9, "{plain}");
        let moved = table.at([0.7, 0.0], -3.0);
        assert!((moved - (logit(0.05) - 0.7)).abs() < 1e-9, "{moved}");
        // A slope that would make lower loads worse than higher ones finds none below: the end of the table.
        assert!((table.at([4.0, -3.0], 0.0) - table.from).abs() < 1e-9);
    }
}
