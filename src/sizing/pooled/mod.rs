//! The method `monotone`: a mean curve of the right shape, times a tail that is pooled over the
//! levels around the answer.
//!
//! A p95 of few runs is very noisy, a mean far less so, and the shape of the distribution around the
//! mean changes slowly from level to level. So the mean is fitted over all levels ([`Curve`]), every
//! run is taken as a multiple of the mean at its level, and the quantile is that of all multiples,
//! those of the levels around the answer counting most. The runs around it then correct the share over
//! the limit ([`correction`]). docs/estimators.md has the whole of it.

mod attainment;
mod clusters;
mod correction;
mod crossing;
#[cfg(test)]
mod free_slots;
mod logistic;
mod noise;
mod resample;
mod run_times;
mod stairs;
#[cfg(test)]
mod tests;

pub(super) use clusters::Clusters;
pub(super) use stairs::Stairs;

use clusters::Sequence;
use noise::{between_levels, fit_alike, standard_error, weight_alike};
use run_times::RunTimes;

use crate::measure::{Metric, Quantile, Span};
use crate::sizing::alike_calls::calls_for_one_of_all;
use crate::sizing::composed::{ComposedLevels, SharedChance};
use crate::sizing::curve::{Curve, MeanPoint, Shape};
use crate::sizing::expected_runtime::ExpectedRuntime;
use crate::sizing::means::{BINS, Sample, means, means_of_runs, times, wait_for_one_more};
use crate::sizing::observed::ObservedLevel;
use crate::sizing::tails::{Tail, TailBeside, Tails};
use crate::sizing::verdict::Level;

/// Distance of a level's concurrency, as a logarithm, at which it counts e^(-1/2) as much.
pub(super) const REACH: f64 = 1.2;
/// The same distance for metrics of a part of a call: their distribution differs where calls queue.
const REACH_OF_PARTS: f64 = 0.5;
/// Iterations until the answer and the weights around it are consistent.
const ROUNDS: usize = 6;
/// Excess of its own quantile over the limit, as a factor, from which a figure disagrees with its
/// tail.
const DISAGREES: f64 = 1.1;
/// Factor beyond the highest level that limits every estimate: a curve that is flat as far as it
/// was seen does not show where it ends. It is exceeded only if even a rig that is saturated from
/// the highest level on carries more.
const FURTHEST: f64 = 8.0;
/// Standard deviation of the model's own error, as a logarithm of the load: no rig behaves quite
/// like the curves. The first token and the gaps between tokens depend on more than the number of
/// runs in flight.
const UNMODELLED: f64 = 0.025;
const UNMODELLED_TTFT: f64 = 0.2;
const UNMODELLED_ITL: f64 = 0.08;
/// Smallest and largest capacity that is reported.
const LEAST: f64 = 0.01;
const MOST: f64 = 1e8;

/// Failed runs of a level that are slower than any limit.
#[derive(Clone, Copy)]
pub(super) struct FailedRuns {
    /// The level.
    pub concurrency: f64,
    /// Their number, in all phases of it.
    pub failed: u64,
    /// Number of its runs that succeeded, in all phases.
    pub others: u64,
}

impl FailedRuns {
    /// Returns how many of them there are for the samples that are kept of the level: not all phases are, nor all runs
    /// of a long one, and a run may have several LLM calls.
    fn beside(&self, samples: &[Sample]) -> f64 {
        let kept: f64 = samples.iter().map(|it| it.count).sum();
        let all = self.failed as f64;
        if self.others > 0 && kept > 0.0 { all * kept / self.others as f64 } else { all }
    }
}

/// Pooled model of a metric, ready for questions.
pub struct PooledModel {
    seen: Vec<MeanPoint>,
    /// Standard deviation of the logarithm of a mean over one run.
    noise: f64,
    /// Number of runs whose tokens are known, if compositions are pooled.
    counted_runs: Option<u64>,
    /// Standard error of the logarithm of all means alike, since their runs have the same compositions.
    shared: f64,
    /// Standard deviation of the logarithm of levels around the curve, beyond their own noise.
    between: f64,
    curve: Curve,
    shape: Shape,
    tails: Tails,
    /// Runs of each level by their time; empty if their number over a limit says nothing of the load.
    timed: Vec<RunTimes>,
    /// Times of the levels in their order, where that says something of the server.
    sequences: Vec<Sequence>,
    /// Number of times that have the evidence of one, since calls of one run resemble each other.
    calls_for_one: f64,
    /// Highest load that was met at each level, ascending, and true if it was never steady there.
    unsteady: Vec<(f64, bool)>,
    /// True if at every level all runs met the same load.
    steady: bool,
    /// Standard deviation of the model's own error, as a logarithm of the load.
    unmodelled: f64,
    highest: f64,
    /// Seconds that each further run in flight costs a rig that is saturated at the highest level.
    saturated_slope: f64,
    /// True if there is only one level, so that nothing shows how time grows with load.
    one_load: bool,
}

impl PooledModel {
    /// Pools levels; `None` if the metric was not seen. Runs that timed out, and other failed ones if they are
    /// counted, are slower than any limit. Compositions are pooled only if it is to be by tokens.
    pub(super) fn of(
        levels: &[Level<'_>],
        metric: Metric,
        count_failed: bool,
        by_tokens: bool,
    ) -> Option<Self> {
        let observed: Vec<&ObservedLevel> = levels.iter().map(|level| level.observed).collect();
        let failed = levels.iter().map(|level| {
            let failed =
                if count_failed { level.metrics.failed } else { level.slow_failures(metric) };
            let others = level.metrics.runs.saturating_sub(level.metrics.failed);
            FailedRuns { concurrency: level.concurrency(), failed, others }
        });
        Self::of_observed(&observed, &failed.collect::<Vec<_>>(), metric, by_tokens)
    }

    /// Pools runs alone, with the failed runs of each level.
    pub(super) fn of_observed(
        levels: &[&ObservedLevel],
        failed: &[FailedRuns],
        metric: Metric,
        by_tokens: bool,
    ) -> Option<Self> {
        let by_tokens = by_tokens && metric.call_column().is_none();
        let composed = by_tokens.then(|| ComposedLevels::of(levels)).flatten();
        let mut samples: Vec<_> = levels.iter().map(|level| times(level, metric)).collect();
        let mut shared = SharedChance::default();
        let mut compositions = None;
        let mut counted_runs = None;
        let (seen, noise) = match (metric.call_column(), composed) {
            (_, Some(composed)) => {
                (samples, shared) = (composed.samples, composed.shared);
                compositions = Some(composed.compositions);
                counted_runs = Some(levels.iter().map(|level| level.runs.len() as u64).sum());
                (composed.seen, composed.noise)
            }
            (None, None) => means_of_runs(levels),
            _ => means(&samples.concat()),
        };
        let shape = Shape::of(metric);
        let reach = if shape == Shape::ClosedLoop { REACH } else { REACH_OF_PARTS };
        let curve = Curve::fit(&seen, shape)?;
        // In a burst a long run meets fewer others: what it met says something of the run itself.
        let steady = levels.iter().all(|level| level.is_level());
        let between = if steady { between_levels(&seen, &curve, noise) } else { 0.0 };
        let curve = if between > 0.0 { fit_alike(&seen, noise, between, shape)? } else { curve };
        let highest = seen.last()?.concurrency;
        let mut unsteady: Vec<(f64, bool)> =
            levels.iter().filter_map(|it| Some((it.highest_met()?, it.unsteady))).collect();
        unsteady.sort_by(|a, b| a.0.total_cmp(&b.0));
        let elasticity = |seen: &MeanPoint| match shape {
            Shape::ClosedLoop => curve.elasticity_below(seen.concurrency),
            // What rises in jumps is as it is on either side of one.
            Shape::Rising => 0.0,
        };
        let mut tails = Tails::new(reach, seen.iter().map(|it| (it.concurrency, elasticity(it))));
        for (index, samples) in samples.iter().enumerate() {
            let multiples = samples
                .iter()
                .map(|it| (it.concurrency, it.seconds / curve.at(it.concurrency), it.count));
            tails.add(index, multiples);
        }
        // First tokens and gaps of one level depend on each other far more than whole runs do.
        let independent = shape == Shape::ClosedLoop;
        match compositions {
            Some(compositions) => tails.compose(compositions, curve.clone(), shared.tail),
            None if independent => tails.compare_levels(),
            None => {}
        }
        let beside =
            |(of, samples): (&FailedRuns, &Vec<Sample>)| (of.concurrency, of.beside(samples));
        let failed: Vec<(f64, f64)> = std::iter::zip(failed, &samples).map(beside).collect();
        for (index, (concurrency, count)) in failed.iter().enumerate() {
            tails.add_failed(index, *concurrency, *count);
        }
        let timed = if steady && independent {
            let of = |(index, samples): (usize, &Vec<Sample>)| {
                let failed = failed.get(index).map_or(0.0, |(_, count)| *count);
                RunTimes::of(samples, failed, shared.tail)
            };
            samples.iter().enumerate().filter_map(of).collect()
        } else {
            Vec::new()
        };
        let sequences = levels.iter().filter_map(|it| Sequence::of(it, metric)).collect();
        let saturated_slope = match metric.span() {
            // All of the wait behind a full batch comes before the first token.
            Span::FirstToken => wait_for_one_more(levels)?,
            Span::Whole | Span::Token => curve.at(highest) / highest,
        };
        Some(Self {
            seen,
            noise,
            counted_runs,
            shared: shared.mean,
            between,
            curve,
            shape,
            tails: tails.sorted(),
            timed,
            sequences,
            calls_for_one: calls_for_one_of_all(levels, metric),
            steady,
            unmodelled: match metric.span() {
                Span::Whole => UNMODELLED,
                Span::FirstToken => UNMODELLED_TTFT,
                Span::Token => UNMODELLED_ITL,
            },
            unsteady,
            highest,
            saturated_slope,
            one_load: levels.len() < 2,
        })
    }

    /// Returns true if a capacity would be a guess: it lies beyond the only load that was measured.
    pub fn is_a_guess(&self, carried: f64) -> bool {
        self.one_load && carried > self.highest
    }

    /// Returns the number of runs whose token counts it rests on; `None` if it rests on none.
    pub(super) fn counted_runs(&self) -> Option<u64> {
        self.counted_runs
    }

    /// Returns the quantile at a concurrency, in seconds, with the tail of the levels around it.
    pub fn at(&self, concurrency: f64, quantile: Quantile) -> f64 {
        self.curve.at(concurrency) * self.tails.at(concurrency, quantile.share()).multiple
    }

    /// Returns the mean at a concurrency, in seconds.
    pub fn mean(&self, concurrency: f64) -> f64 {
        self.curve.at(concurrency)
    }

    /// Returns the highest load that was seen.
    pub fn highest(&self) -> f64 {
        self.highest
    }

    /// Returns true if the load was never steady at one of the two levels around a concurrency: below the lowest
    /// and above the highest level, at that one.
    pub fn is_unsteady_at(&self, concurrency: f64) -> bool {
        let above = self.unsteady.partition_point(|(load, _)| *load < concurrency);
        let around = [above.checked_sub(1), Some(above)];
        let level = |index: Option<usize>| self.unsteady.get(index?);
        around.into_iter().filter_map(level).any(|(_, unsteady)| *unsteady)
    }

    /// Returns the standard deviation of levels around the curve beyond their own noise, as a
    /// logarithm.
    pub fn between_levels(&self) -> f64 {
        self.between
    }

    /// Returns the deviation of levels from the whole in mean and tail, beyond their own noise.
    pub(super) fn misfit(&self, quantile: Quantile) -> f64 {
        self.between.hypot(self.tail_between(quantile.share(), None))
    }

    /// Returns the deviation of the levels' own tails beyond chance, as a logarithm.
    fn tail_between(&self, share: f64, around: Option<f64>) -> f64 {
        if self.steady { self.tails.between_levels(share, around) } else { 0.0 }
    }

    /// Returns the means that were seen, with the standard error of the logarithm of each.
    pub(super) fn means(&self) -> impl Iterator<Item = (MeanPoint, f64)> + '_ {
        self.seen.iter().map(|seen| (*seen, standard_error(seen, self.noise)))
    }

    /// Compares the mean that was seen at a concurrency below the highest with the longest that all other levels allow
    /// there. Below the lowest of the others, that is the mean there: how much less it may be, they do not show.
    pub(super) fn expected(&self, concurrency: f64) -> Option<ExpectedRuntime> {
        let bin = self.bin(concurrency)?;
        let others: Vec<MeanPoint> =
            self.seen.iter().filter(|seen| *seen != bin).copied().collect();
        let curve = Curve::fit(&others, self.shape)?;
        let at = bin.concurrency.max(others.first()?.concurrency);
        (bin.concurrency < self.highest).then(|| ExpectedRuntime {
            seen: bin.seconds,
            expected: curve.at(at),
            error: standard_error(bin, self.noise),
        })
    }

    fn bin(&self, concurrency: f64) -> Option<&MeanPoint> {
        let same = |seen: &&MeanPoint| (seen.concurrency / concurrency).ln().abs() < 0.5 / BINS;
        self.seen.iter().find(same)
    }

    /// Returns the effective number of runs behind the quantile around a concurrency.
    pub(super) fn runs_around(&self, concurrency: f64, quantile: Quantile) -> f64 {
        self.tails.at(concurrency, quantile.share()).runs
    }

    /// Returns the clusters in which the runs over a limit (seconds) come around a load; `None` if they do not.
    pub(super) fn clusters(&self, limit: f64, load: f64) -> Option<Clusters> {
        Clusters::of(&self.sequences, limit, load)
    }

    /// Returns the number of runs that have the evidence of one for the share over a limit (seconds) around a load.
    pub(super) fn runs_for_one(&self, limit: f64, load: f64) -> f64 {
        self.for_one(self.clusters(limit, load))
    }

    /// Returns the same for the clusters of that limit and load.
    pub(super) fn for_one(&self, clusters: Option<Clusters>) -> f64 {
        self.calls_for_one * clusters.map_or(1.0, |it| it.runs_for_one)
    }

    /// Returns the number of runs at loads near a concurrency that have the shape of those beside it.
    pub(super) fn runs_near(&self, concurrency: f64) -> f64 {
        self.tails.runs_near(concurrency)
    }

    /// Returns the quantile at a load as estimated from the levels beside it alone; `None` if those further away have
    /// the same distribution.
    pub(super) fn tail_beside(&self, concurrency: f64, quantile: Quantile) -> Option<TailBeside> {
        self.tails.beside(concurrency, quantile.share())
    }

    /// Returns the load up to which a mean meets a limit (seconds) whose quantile is this multiple of it.
    pub(super) fn carried_with(&self, multiple: f64, limit: f64) -> f64 {
        self.carried(&self.curve, limit / multiple).concurrency
    }

    /// Returns the quantile at a load (seconds) if by chance a few more of the runs around it were
    /// slow.
    pub(super) fn at_by_chance(&self, concurrency: f64, quantile: Quantile) -> f64 {
        let (share, runs) = (quantile.share(), self.runs_around(concurrency, quantile));
        self.curve.at(concurrency) * self.tails.by_chance(concurrency, share, runs)
    }

    /// Returns the level, and the approximate number of additional runs there, that would halve the
    /// interval of a capacity; `None` if no number would. The uncertainty of mean and tail shrinks
    /// with the root of the runs that count around it, while the model's own error stays.
    pub(super) fn runs_to_halve(
        &self,
        (low, high): (f64, f64),
        capacity: f64,
        quantile: Quantile,
        confidence: f64,
    ) -> Option<(f64, f64)> {
        let width = (high / low).ln().powi(2);
        let stays = (2.0 * deviate((1.0 - confidence) / 2.0) * self.unmodelled).powi(2);
        let (now, then) = (width - stays, width / 4.0 - stays);
        // Ten times the runs are no advice.
        let times = Some(now / then).filter(|_| then > 0.0).filter(|times| *times <= 10.0)?;
        let runs = (times - 1.0) * self.runs_around(capacity, quantile);
        Some((capacity.clamp(1.0, MOST).round(), runs.ceil()))
    }

    /// Returns the load beyond which no capacity within a limit (seconds) is ever reported.
    pub(super) fn furthest(&self, seconds: f64) -> f64 {
        (FURTHEST * self.highest).max(self.saturated(&self.curve, seconds))
    }

    /// Returns the best single figure of the capacity within a limit (seconds), and the tail there.
    fn best(&self, share: f64, limit: f64) -> (ReachedLoad, Tail) {
        let with_tail_at = |load: f64| {
            let tail = self.tails.at(load, share);
            (self.carried(&self.curve, limit / tail.multiple), tail)
        };
        let mut found = with_tail_at(self.highest);
        for _ in 1..ROUNDS {
            found = with_tail_at(found.0.concurrency);
        }
        let at = found.0.concurrency;
        // Where some runs are far slower than the rest and their share grows with the load, the tail jumps, and
        // no figure agrees with its own tail: what is carried ends where the quantile first exceeds the limit.
        if self.curve.at(at) * self.tails.at(at, share).multiple > DISAGREES * limit {
            let concurrency = self.first_beyond(share, limit, at);
            found = (ReachedLoad { concurrency, capped: false }, self.tails.at(concurrency, share));
        }
        found
    }

    /// Returns the load up to which the quantile meets a limit (seconds), searching up to `most`,
    /// which exceeds it.
    fn first_beyond(&self, share: f64, limit: f64, most: f64) -> f64 {
        const STEP: f64 = 1.03;
        const HALVINGS: usize = 12;
        let exceeds = |load: f64| self.curve.at(load) * self.tails.at(load, share).multiple > limit;
        let lowest = self.seen.first().map_or(1.0, |seen| seen.concurrency).min(most);
        let loads = std::iter::successors(Some(lowest), |load| Some(load * STEP));
        let first = loads.take_while(|load| *load < most).find(|load| exceeds(*load));
        let (mut low, mut high) = (first.unwrap_or(most) / STEP, first.unwrap_or(most));
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if exceeds(middle) { high = middle } else { low = middle }
        }
        low
    }

    /// Returns the concurrency at which a curve reaches a mean time, as far as it is reported.
    fn carried(&self, curve: &Curve, seconds: f64) -> ReachedLoad {
        let furthest = (FURTHEST * self.highest).max(self.saturated(curve, seconds));
        let reached = curve.reaches(seconds);
        ReachedLoad {
            concurrency: reached.min(furthest).clamp(LEAST, MOST),
            capped: reached > furthest,
        }
    }

    /// Returns it for a rig whose throughput stays what it was at the highest level.
    fn saturated(&self, curve: &Curve, seconds: f64) -> f64 {
        let further = (seconds - curve.at(self.highest)) / self.saturated_slope;
        (self.highest + further).clamp(LEAST, MOST)
    }

    /// Returns the weight of a mean if levels differ by more than their own noise.
    fn weight_alike(&self, seen: &MeanPoint) -> f64 {
        weight_alike(seen, self.noise, self.between)
    }
}

/// Returns the normal deviate that is exceeded with a probability below one half, to 0.0005
/// (Abramowitz and Stegun, 26.2.23).
fn deviate(probability: f64) -> f64 {
    let t = (-2.0 * probability.max(f64::MIN_POSITIVE).ln()).sqrt();
    let above = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let below = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    t - above / below
}

/// Moves a load by a correction (a logarithm), as far as figures go.
fn corrected(concurrency: f64, moves: f64) -> f64 {
    (concurrency * moves.exp()).clamp(LEAST, MOST)
}

/// The concurrency at which a curve reaches a time.
#[derive(Clone, Copy)]
struct ReachedLoad {
    concurrency: f64,
    /// True if it is only the limit up to which figures go.
    capped: bool,
}
