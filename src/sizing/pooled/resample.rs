//! Draws of the capacity: the same levels with other chance.

use super::crossing::Multiples;
use super::{LEAST, PooledModel, ReachedLoad, corrected};
use crate::measure::Quantile;
use crate::sizing::capacity_samples::{CapacityPoint, CapacitySamples, Certainty};
use crate::sizing::curve::{Curve, MeanPoint};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::{Distribution, StandardNormal};

/// Standard deviation of the error, as a logarithm, if no load was ever steady.
const UNSTEADY: f64 = 0.15;
/// Standard deviation of the error, as a logarithm, for each e-fold beyond the highest level.
const EXTRAPOLATION: f64 = 0.1;
/// Standard deviations of a normal distribution that lead to either end of what neighbouring levels
/// leave open between them.
const UNSEEN: f64 = 4.0;
/// Standard deviations that correspond to a rig saturated from its highest level on.
const SATURATED: f64 = 4.0;

/// Generator of normal deviates.
struct Normal(Xoshiro256PlusPlus);

impl Normal {
    fn seeded(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    fn next(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }
}

impl PooledModel {
    /// Draws the capacity within a limit (seconds). `runtime` is the model of whole runs, if
    /// another metric is limited.
    pub fn capacity(
        &self,
        quantile: Quantile,
        limit: f64,
        certainty: Certainty,
        runtime: Option<&Self>,
    ) -> CapacitySamples {
        let mean_runtime =
            |own: &Curve, concurrency: f64| runtime.map_or(own, |it| &it.curve).at(concurrency);
        let share = quantile.share();
        let (point, tail) = self.best(share, limit);
        let runs = tail.runs / self.runs_for_one(limit, point.concurrency);
        let of_tail = self.tails.spread(point.concurrency, share, runs);
        let of_levels = self.tail_between(share, Some(point.concurrency)) / tail.levels.sqrt();
        let spread = of_tail.hypot(of_levels);
        let within = limit / tail.multiple;
        let levels: Vec<f64> = self.seen.iter().map(|seen| seen.concurrency).collect();
        let changes = self.tails.changes(point.concurrency, share);
        let multiples = changes.then(|| Multiples::of(self, quantile, self.furthest(limit)));
        let unsteady = if self.is_unsteady_at(point.concurrency) { UNSTEADY } else { 0.0 };
        let mut normal = Normal::seeded(certainty.seed);
        let mut of_model = Normal::seeded(certainty.seed ^ 0x006D_6F64_656C);
        let draw = |_| {
            let curve = self.drawn_curve(&mut normal)?;
            let error = spread * normal.next();
            let error = error + if unsteady > 0.0 { unsteady * normal.next() } else { 0.0 };
            let saturation = (normal.next().abs() / SATURATED).min(1.0);
            let within = within / error.exp();
            let ReachedLoad { concurrency, capped } = self.carried(&curve, within);
            // Where the multiple changes with the load, so does the crossing.
            let crossed = multiples.as_ref().map(|multiples| {
                let limit = limit / error.exp();
                let (at, multiple) = multiples.reach(|load| curve.at(load), limit);
                let at = if capped { concurrency.max(at) } else { at };
                (at, limit / multiple, limit)
            });
            let (concurrency, within) =
                crossed.map_or((concurrency, within), |(at, within, _)| (at, within));
            let unseen = normal.next() / UNSEEN;
            let concurrency = self.between_neighbours(&levels, &curve, within, concurrency, unseen);
            let unmodelled = (self.unmodelled * of_model.next()).exp();
            let concurrency = (concurrency * unmodelled).max(LEAST);
            let concurrency = if concurrency > self.highest {
                // Beyond the last level the truth lies between its slope, and a rig that is saturated
                // from there on.
                let saturated = match (&multiples, crossed) {
                    (Some(multiples), Some((_, _, limit))) => {
                        let mean = |load: f64| {
                            let further = (load - self.highest).max(0.0);
                            curve.at(load.min(self.highest)) + further * self.saturated_slope
                        };
                        multiples.reach(mean, limit).0
                    }
                    _ => self.saturated(&curve, within),
                };
                let saturated = saturated.ln() * saturation;
                let between = saturated + concurrency.ln() * (1.0 - saturation);
                let beyond = (between - self.highest.ln()).max(0.0);
                (between + EXTRAPOLATION * beyond * normal.next()).exp()
            } else {
                concurrency
            };
            Some(CapacityPoint {
                concurrency,
                mean_runtime: mean_runtime(&curve, concurrency),
                capped,
            })
        };
        let mut drawn: Vec<CapacityPoint> = (0..certainty.resamples).filter_map(draw).collect();
        let ReachedLoad { mut concurrency, mut capped } = point;
        if let Some(correction) = self.correction(share, limit, concurrency) {
            let model = concurrency;
            concurrency = corrected(model, correction.moves_point());
            // What the runs bring down is no longer where figures end.
            capped &= concurrency >= model;
            let mut of_runs = Normal::seeded(certainty.seed ^ 0x7275_6E73);
            for it in &mut drawn {
                let own = (1.0 - correction.applied()) * (it.concurrency / model).ln();
                let moves = correction.moves([of_runs.next(), of_runs.next()]);
                let to = corrected(model, own + moves);
                it.capped &= to >= it.concurrency;
                it.concurrency = to;
                it.mean_runtime = mean_runtime(&self.curve, it.concurrency);
            }
        }
        let mean_runtime = mean_runtime(&self.curve, concurrency);
        let point = CapacityPoint { concurrency, mean_runtime, capped };
        let saturated = self.saturated(&self.curve, within);
        CapacitySamples {
            point,
            drawn,
            saturated,
            confidence: certainty.confidence,
            stretched: false,
        }
    }

    /// Draws a curve through the same means with other chance.
    fn drawn_curve(&self, normal: &mut Normal) -> Option<Curve> {
        let shared = if self.shared > 0.0 { self.shared * normal.next() } else { 0.0 };
        let of = |(seen, error): (MeanPoint, f64)| {
            let error = error.hypot(self.between) * normal.next() + shared;
            let weight = self.weight_alike(&seen);
            MeanPoint { seconds: seen.seconds * error.exp(), weight, ..seen }
        };
        Curve::fit(&self.means().map(of).collect::<Vec<_>>(), self.shape)
    }

    /// Moves a crossing by a share towards either end of what the levels beside it leave open.
    /// `levels` are the loads that were seen.
    fn between_neighbours(
        &self,
        levels: &[f64],
        curve: &Curve,
        seconds: f64,
        at: f64,
        share: f64,
    ) -> f64 {
        let Some((earliest, latest)) = curve.reaches_between(levels, seconds, self.shape) else {
            return at;
        };
        let end = if share < 0.0 { earliest } else { latest };
        if end <= 0.0 || at <= 0.0 {
            return at;
        }
        (at.ln() + (end / at).ln() * share.abs().min(1.0)).exp()
    }
}
