//! Distribution of times around their mean, pooled over the levels around a concurrency.

mod beside;
mod load_kernel;
mod local_distribution;
mod multiple;
mod quantile;
mod scale;
mod shapes;
mod shrink;
mod trend;

pub(super) use beside::{TailBeside, runs_for_tail};
pub(super) use local_distribution::DEPENDENCE;
pub(super) use quantile::Spread;

use super::composed::Compositions;
use super::curve::Curve;
use super::misfit::{self, Residual};
use load_kernel::LoadKernel;
use local_distribution::LocalDistribution;
use multiple::{FAILED, LEAST, Multiple, by_level};
use quantile::quantiles_by_level;
use scale::{Moments, Scales};
use shapes::{Shapes, differ_in_scale_alone};
use shrink::kept;
use trend::{LevelTail, Trended};

/// Difference of loads, as a logarithm, up to which levels are much alike.
const ALIKE: f64 = 0.4;
/// Difference of loads, as a logarithm, up to which runs show the tail at a load: a factor of 2.
const NEAR_BY: f64 = std::f64::consts::LN_2 + 1e-9;
/// Standard deviations by which the share of slow runs is larger by chance once in twenty times.
const FEW_MORE: f64 = 1.645;

/// A quantile of the multiples around a concurrency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tail {
    /// Value of the quantile, as a multiple of the mean.
    pub multiple: f64,
    /// Effective number of runs behind it.
    pub runs: f64,
    /// Effective number of levels over which they are spread.
    pub levels: f64,
}

/// All multiples of a metric.
pub(super) struct Tails {
    /// Multiples, ascending.
    multiples: Vec<Multiple>,
    /// Closeness of loads to each other.
    near: LoadKernel,
    /// Inverse of the number of runs behind the chance that all levels share.
    shared: f64,
    /// Distribution by compositions, with the curve of the mean, in place of the pooled multiples.
    composed: Option<(Compositions, Curve)>,
    /// Scales of the multiples, if the levels differ in them.
    scales: Option<Scales>,
    /// Levels that differ in shape.
    shapes: Shapes,
    /// True if the levels were compared, and may have a trend.
    compared: bool,
}

impl Tails {
    /// Creates an empty collection. A level whose concurrency is `reach` away, as a logarithm,
    /// counts e^(-1/2) as much; `elasticity` is that of the mean at each load that was seen,
    /// ascending.
    pub fn new(reach: f64, elasticity: impl Iterator<Item = (f64, f64)>) -> Self {
        let near = LoadKernel::new(reach, elasticity);
        Self {
            multiples: Vec::new(),
            near,
            shared: 0.0,
            composed: None,
            scales: None,
            shapes: Shapes::default(),
            compared: false,
        }
    }

    /// Adds the multiples of a level, each with the load that it met and the number of times that it counts.
    pub fn add(&mut self, level: usize, multiples: impl Iterator<Item = (f64, f64, f64)>) {
        let made = multiples.map(|(concurrency, times, count)| Multiple {
            times,
            at: concurrency.ln(),
            level,
            count,
        });
        self.multiples.extend(made);
    }

    /// Adds the failed runs of a level.
    pub fn add_failed(&mut self, level: usize, concurrency: f64, count: f64) {
        if count > 0.0 {
            let at = concurrency.ln();
            self.multiples.push(Multiple { times: FAILED, at, level, count });
        }
    }

    /// Takes the distribution by compositions in place of the pooled multiples. `shared` is the inverse of the
    /// number of runs behind the chance that all levels share.
    pub fn compose(&mut self, compositions: Compositions, curve: Curve, shared: f64) {
        self.shared = shared;
        self.composed = Some((compositions, curve));
    }

    /// Returns true if the distribution beyond the highest level differs from that at it.
    pub fn go_on(&self) -> bool {
        self.composed.is_some()
    }

    /// Sorts what was added; all methods below require it.
    pub fn sorted(mut self) -> Self {
        self.multiples.sort_unstable_by(|a, b| a.times.total_cmp(&b.times));
        self
    }

    /// Compares the levels in scale and in shape, and lets their tails have a trend. Without it, all levels have one
    /// distribution.
    pub fn compare_levels(&mut self) {
        self.follow_scale();
        self.shapes = Shapes::of(&self.multiples);
        self.compared = true;
    }

    /// Measures multiples in standard deviations at their load if the levels differ in scale.
    fn follow_scale(&mut self) {
        let of = |level: usize| {
            let own = |it: &&Multiple| it.level == level && it.times < FAILED;
            Moments::of(&self.multiples.iter().filter(own).map(|it| (it.at, it.times, it.count)))
        };
        let Some(scales) = Scales::of(&(0..self.levels()).filter_map(of).collect::<Vec<_>>())
        else {
            return;
        };
        let near = &self.near;
        let scale = |at: f64| (-scale_of(&scales, near, at).0).exp();
        let mut by = LoadMemo::new(scale);
        let scaled = self.multiples.iter().map(|it| {
            let times =
                if it.times < FAILED { 1.0 + (it.times - 1.0) * by.at(it) } else { it.times };
            Multiple { times, ..*it }
        });
        let scaled: Vec<Multiple> = scaled.collect();
        if differ_in_scale_alone(&scaled) {
            self.multiples = scaled;
            self.scales = Some(scales);
        }
    }

    /// Returns the logarithm of the scale at the logarithm of a load, and its standard error, if levels differ in it.
    fn scale(&self, at: f64) -> Option<(f64, f64)> {
        Some(scale_of(self.scales.as_ref()?, &self.near, at))
    }

    /// Returns the multiple that a value stands for at the logarithm of a load.
    fn at_scale(&self, at: f64) -> impl Fn(f64) -> f64 + use<> {
        let scale = self.scale(at).map(|(log, _)| log.exp());
        move |times| match scale {
            Some(scale) if times < FAILED => (1.0 + (times - 1.0) * scale).max(LEAST),
            _ => times,
        }
    }

    /// Returns the number of levels.
    fn levels(&self) -> usize {
        self.multiples.iter().map(|it| it.level).max().map_or(0, |last| last + 1)
    }

    /// Returns a quantile of the multiples around a concurrency.
    pub fn at(&self, concurrency: f64, share: f64) -> Tail {
        let around = self.around(concurrency, share);
        Tail {
            multiple: around.quantile(share),
            runs: 1.0 / (1.0 / around.runs + self.shared),
            levels: around.levels,
        }
    }

    /// Returns the number of runs at loads near a concurrency that have the shape of those beside it.
    pub fn runs_near(&self, concurrency: f64) -> f64 {
        let centre = concurrency.ln();
        let agreement = self.shapes.agreement(centre);
        let part = |it: &Multiple| part_of(agreement.as_deref(), it);
        let near = self.multiples.iter().filter(|it| (it.at - centre).abs() <= NEAR_BY);
        near.fold(0.0, |sum, it| sum + it.count * part(it))
    }

    /// Returns the standard deviation of the logarithm of that quantile if it rests on `runs` runs. Where there are
    /// levels of another shape, it is as uncertain as they would move it, too.
    pub fn spread(&self, concurrency: f64, share: f64, runs: f64) -> f64 {
        let around = self.around(concurrency, share);
        let own = around.spread(share, runs).hypot(around.between);
        let own = self.of_all_around(concurrency, share).map_or(own, |of_all| {
            own.hypot((of_all.quantile(share) / around.quantile(share)).ln())
        });
        let of_scale = self.scale(concurrency.ln()).map(|(_, error)| {
            let multiple = around.quantile(share);
            error * (multiple - 1.0) / multiple
        });
        of_scale.map_or(own, |of_scale| own.hypot(of_scale))
    }

    /// Returns that quantile if by chance a few more of `runs` runs were slow than there should be.
    pub fn by_chance(&self, concurrency: f64, share: f64, runs: f64) -> f64 {
        let step = FEW_MORE * DEPENDENCE * (share * (1.0 - share) / runs).sqrt();
        self.around(concurrency, share).quantile((share + step).min(0.999))
    }

    /// Returns the standard deviation, as a logarithm, of the levels' own tails beyond chance: of
    /// those around a load, or of all equally.
    pub fn between_levels(&self, share: f64, around: Option<f64>) -> f64 {
        let own =
            by_level(self.multiples.iter().map(|it| (it.level, [it.count, it.count * it.at])));
        let scales: Vec<_> =
            own.iter().map(|[count, place]| self.at_scale(place / count)).collect();
        let here = |it: &Multiple| scales.get(it.level).map_or(it.times, |scaled| scaled(it.times));
        let tails = self.own_quantiles(&own, share, here);
        let of = |([count, place], tail): (&[f64; 2], Option<f64>)| {
            let (tail, at) = (tail?, (place / count).exp());
            let whole = if around.is_some() || self.composed.is_some() {
                self.of_all_around(at, share).unwrap_or_else(|| self.around(at, share))
            } else {
                // Against the whole, not against its like.
                self.pooled(&self.weights_by(|it| self.near.far(it, at.ln())), at.ln())
            };
            let off = (tail / whole.quantile(share)).ln();
            let error = whole.spread(share, *count);
            let weight =
                around.map_or(1.0, |centre| self.near.by_load(at.ln(), centre.ln(), ALIKE));
            (error > 0.0 && off.is_finite()).then_some(Residual { off, error, weight })
        };
        let residuals: Vec<Residual> = std::iter::zip(&own, tails).filter_map(of).collect();
        misfit::between(&residuals, 1)
    }

    /// Returns the distribution of times around their mean at the levels around a concurrency; most
    /// exact around `share`.
    pub fn spread_around(&self, concurrency: f64, share: f64) -> Spread {
        self.around(concurrency, share).whole()
    }

    /// Returns the distribution around a concurrency, of the levels with the shape of those beside it; most exact
    /// around `share`.
    fn around(&self, concurrency: f64, share: f64) -> LocalDistribution {
        let Some((compositions, curve)) = &self.composed else {
            let agreement = self.shapes.agreement(concurrency.ln());
            return self.weighted(concurrency, share, agreement.as_deref());
        };
        let found = compositions.at(concurrency, curve.at(concurrency));
        let failed = self.failed_around(concurrency) * found.multiples.len() as f64;
        let failed = Some((FAILED, failed)).filter(|(_, weight)| *weight > 0.0);
        let values = found.multiples.into_iter().map(|it| (it, 1.0)).chain(failed);
        LocalDistribution::of(values, found.runs, found.levels)
    }

    /// Returns the same over all levels, whatever their shape; `None` if that makes no difference.
    fn of_all_around(&self, concurrency: f64, share: f64) -> Option<LocalDistribution> {
        let differs = self.composed.is_none() && self.shapes.agreement(concurrency.ln()).is_some();
        differs.then(|| self.weighted(concurrency, share, None))
    }

    /// Returns the pooled multiples around a concurrency. `agreement` is the share of each level that counts.
    fn weighted(
        &self,
        concurrency: f64,
        share: f64,
        agreement: Option<&[f64]>,
    ) -> LocalDistribution {
        let part = |it: &Multiple| part_of(agreement, it);
        let weights = self.weights(concurrency, share, &part);
        let mut found = self.pooled(&weights, concurrency.ln());
        if let Some(trended) = self.trended(&weights, concurrency.ln(), share, &found) {
            found.stretch(share, trended.log.exp());
            found.between = trended.error;
        }
        found
    }

    /// Returns the pooled multiples with these weights, at the scale of the logarithm of a load.
    fn pooled(&self, weights: &[f64], at: f64) -> LocalDistribution {
        let weighted = || std::iter::zip(&self.multiples, weights);
        let of_levels = by_level(weighted().map(|(it, weight)| (it.level, [*weight])));
        let of_levels: f64 = of_levels.iter().map(|[weight]| weight * weight).sum();
        let squares: f64 = weighted().map(|(it, weight)| weight * weight / it.count).sum();
        let sum: f64 = weights.iter().sum();
        let scaled = self.at_scale(at);
        let values = weighted().map(|(it, weight)| (scaled(it.times), *weight));
        LocalDistribution::of(values, sum * sum / squares, sum * sum / of_levels)
    }

    /// Returns the number of failed runs for each other one, around a concurrency.
    fn failed_around(&self, concurrency: f64) -> f64 {
        let centre = concurrency.ln();
        let (mut failed, mut others) = (0.0, 0.0);
        for it in &self.multiples {
            let sum = if it.times < FAILED { &mut others } else { &mut failed };
            *sum += it.count * self.near.far(it.at, centre);
        }
        if others > 0.0 { failed / others } else { 0.0 }
    }

    /// Returns the weight of each multiple for a quantile at a concurrency. `agree` is the share of it that counts.
    ///
    /// Far levels contribute many runs, and near ones that load the server alike have the right
    /// tail. If the two disagree by more than chance, the near ones decide, but for the part that chance may explain.
    fn weights(&self, concurrency: f64, share: f64, agree: &dyn Fn(&Multiple) -> f64) -> Vec<f64> {
        let centre = concurrency.ln();
        let weights = |near: &dyn Fn(f64) -> f64| {
            let weights = std::iter::zip(&self.multiples, self.weights_by(near));
            weights.map(|(it, weight)| weight * agree(it)).collect::<Vec<f64>>()
        };
        let far = weights(&|at| self.near.far(at, centre));
        let near = weights(&|at| self.near.alike(at, centre));
        let (of_far, of_near) = (self.pooled(&far, centre), self.pooled(&near, centre));
        let off = (of_near.quantile(share) / of_far.quantile(share)).ln();
        let error = of_near.spread(share, of_near.runs);
        let of_near = kept(off, error);
        if of_near <= 0.0 {
            return far;
        }
        let (sum_far, sum_near) = (far.iter().sum::<f64>(), near.iter().sum::<f64>());
        let mixed =
            |(far, near): (&f64, &f64)| (1.0 - of_near) * far / sum_far + of_near * near / sum_near;
        std::iter::zip(&far, &near).map(mixed).collect()
    }

    /// Returns the tail at the logarithm of a load by the trend of the levels with these weights, if they have one.
    fn trended(
        &self,
        weights: &[f64],
        at: f64,
        share: f64,
        whole: &LocalDistribution,
    ) -> Option<Trended> {
        if !self.compared {
            return None;
        }
        let own = std::iter::zip(&self.multiples, weights);
        let own =
            by_level(own.map(|(it, weight)| (it.level, [it.count, it.count * it.at, *weight])));
        let scaled = self.at_scale(at);
        let tails = self.own_quantiles(&own, share, |it| scaled(it.times));
        let of = |([count, place, weight], tail): (&[f64; 3], Option<f64>)| {
            let log = tail.filter(|_| *weight > 0.0)?.ln();
            let error = whole.spread(share, *count);
            let (at, weight) = (place / count, weight / count);
            (log.is_finite() && error > 0.0).then_some(LevelTail { at, log, error, weight })
        };
        let levels: Vec<LevelTail> = std::iter::zip(&own, tails).filter_map(of).collect();
        Trended::of(&levels, at, whole.quantile(share).ln())
    }

    /// Returns the quantile of each level's own multiples, at the scale that `scaled` puts them to; `None` of fewer runs
    /// than show it: there it is the longest, whatever the tail. `sums` begin with the number of runs of each level.
    fn own_quantiles<const N: usize>(
        &self,
        sums: &[[f64; N]],
        share: f64,
        scaled: impl Fn(&Multiple) -> f64,
    ) -> Vec<Option<f64>> {
        let values = self.multiples.iter().map(|it| (it.level, scaled(it), it.count));
        let quantiles = quantiles_by_level(values, sums.len(), share);
        let shown = |(quantile, sums): (f64, &[f64; N])| {
            (sums[0] * (1.0 - share) >= 1.0).then_some(quantile)
        };
        std::iter::zip(quantiles, sums).map(shown).collect()
    }

    fn weights_by(&self, closeness: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut closeness = LoadMemo::new(closeness);
        self.multiples.iter().map(|it| it.count * closeness.at(it)).collect()
    }
}

/// Returns the part of a multiple that counts, if so much of each level does.
fn part_of(agreement: Option<&[f64]>, it: &Multiple) -> f64 {
    agreement.and_then(|shares| shares.get(it.level)).copied().unwrap_or(1.0)
}

/// Returns the scale of the levels that load the server alike, moved towards that of all levels around as far as
/// chance may be what sets them apart.
fn scale_of(scales: &Scales, alike: &LoadKernel, at: f64) -> (f64, f64) {
    let (near, error) = scales.at(at, |other| alike.alike(other, at));
    let far = scales.mean(|other| alike.far(other, at));
    (far + kept(near - far, error) * (near - far), error)
}

/// Function of the load that remembers its last figure for each level: most runs of a level met the same load.
struct LoadMemo<F> {
    of: F,
    last: Vec<(f64, f64)>,
}

impl<F: Fn(f64) -> f64> LoadMemo<F> {
    fn new(of: F) -> Self {
        Self { of, last: Vec::new() }
    }

    fn at(&mut self, it: &Multiple) -> f64 {
        if self.last.len() <= it.level {
            self.last.resize(it.level + 1, (f64::NAN, f64::NAN));
        }
        let Some(last) = self.last.get_mut(it.level) else { return (self.of)(it.at) };
        if last.0.total_cmp(&it.at).is_ne() {
            *last = (it.at, (self.of)(it.at));
        }
        last.1
    }
}

#[cfg(test)]
mod tests;
