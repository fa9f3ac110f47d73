//! Doubts about the levels that an answer rests on.

use super::AT_THE_END;
use super::capacity_estimate::{CapacityEstimate, NEAR};
use super::refit::MetricModels;
use crate::measure::{at_most, runs_to_bound};
use crate::sizing::grade::Doubt;
use crate::sizing::means::times;
use crate::sizing::observed::GivenUp;
use crate::sizing::tails::{TailBeside, runs_for_tail};
use crate::sizing::unfinished::LastMoments;
use crate::sizing::verdict::{Bounds, Level, ROUNDING, TOLERABLE, failed_share, whole};
use crate::sizing::{PooledModel, Target};

/// Factor between the answer and the loads beside it.
const BESIDE: f64 = 1.25;
/// Ratio of times between these loads beyond which they jump; load alone makes them grow by 1.6 at
/// most.
const JUMP: f64 = 2.5;
/// Ratio of the ends between which the levels beside an answer leave it open, if they are not enough.
const OPEN: f64 = 1.8;
/// Factor by which other levels have more runs each than those around an answer that borrows their tail.
const LENT: f64 = 4.0;
/// Share by which a level is slower than the others suggest if something else slowed it.
const SLOWER: f64 = 0.2;
/// Difference between levels, as a logarithm, below which they agree.
const SAME: f64 = 0.005;

/// Returns the doubts about the levels that an answer rests on.
pub(super) fn of_levels(
    found: &CapacityEstimate,
    metric: &MetricModels<'_>,
    target: Target,
) -> Vec<Doubt> {
    let CapacityEstimate { models, drawn, bounds, .. } = found;
    let (pooled, point) = (models.usable(), drawn.point.concurrency.max(1.0));
    let mut doubts = Vec::new();
    let near = || metric.levels.iter().filter(|level| found.is_near(level));
    let counts =
        |level: &&Level<'_>| level.is_usable() && found.left_out != Some(level.concurrency());
    if found.is_open() {
        // Where it ends was not seen at all, which is said elsewhere.
        doubts.extend(of_failures(metric, bounds, point));
        doubts.extend(of_cut(metric, target));
        doubts.extend(of_given_up(metric, target, point));
        return doubts;
    }
    let alone = metric.levels.iter().filter(counts).count() < 2;
    let unbounded = bounds.highest().is_none_or(|it| it > NEAR * point);
    if near().filter(counts).count() < 2 && (alone || unbounded) {
        doubts.push(Doubt::FewLevelsNear(point));
    }
    let levels = || metric.levels.iter().filter(counts).map(Level::concurrency);
    // Levels that are near each other count as one between them, which is not the highest of them.
    let highest = levels().fold(0.0, f64::max);
    let furthest = models.furthest().highest().max(highest);
    let lowest = levels().reduce(f64::min);
    // What a server refuses bounds the answer as well as what is too slow.
    let above = point > (1.0 + AT_THE_END) * furthest
        && !(bounds.failed && bounds.highest().is_some_and(|it| point <= it));
    if above || lowest.is_some_and(|lowest| point < (1.0 - AT_THE_END) * lowest) {
        doubts.push(Doubt::Extrapolated { measured: (lowest.unwrap_or(highest), highest), point });
    }
    let needed = runs_to_bound(target.quantile.share());
    let clusters = pooled.clusters(target.seconds(), point);
    doubts.extend(clusters.map(|it| Doubt::Clusters { episodes: it.episodes }));
    let together = pooled.for_one(clusters);
    let runs = pooled.runs_around(point, target.quantile) / together;
    // Runs of levels that failed now and then are near it as well.
    let near_by = models.furthest().runs_near(point) / together;
    if runs < needed as f64 {
        doubts.push(Doubt::FewRuns { runs, needed });
    } else if near_by < needed as f64 {
        doubts.push(Doubt::BorrowedTail { at: point, near: near_by, needed });
    } else {
        doubts.extend(of_tail_beside(found, metric, target));
    }
    doubts.extend(of_cut(metric, target));
    doubts.extend(of_given_up(metric, target, point));
    let ended = || metric.levels.iter().filter(counts);
    if LastMoments::lack_runs(ended().flat_map(|level| level.observed.last_moments.iter().copied()))
    {
        let levels = ended().filter(|level| !level.observed.last_moments.is_empty());
        doubts.push(Doubt::Unfinished { levels: levels.map(Level::concurrency).collect() });
    }
    let slow = metric.levels.iter().filter(counts).map(Level::concurrency);
    let slow: Vec<f64> = slow.filter(|level| is_slow(pooled, *level)).collect();
    if !slow.is_empty() {
        doubts.push(Doubt::SlowAtTimes { levels: slow });
    }
    if pooled.is_unsteady_at(point) {
        doubts.push(Doubt::Unsteady);
    }
    let seconds = |load: f64| pooled.at(load, target.quantile);
    let (from, to) = (seconds(point / BESIDE), seconds(point * BESIDE));
    let (here, by_chance) = (seconds(point), pooled.at_by_chance(point, target.quantile));
    let jump = if to > JUMP * from {
        Some((from, to))
    } else {
        (by_chance > JUMP * here).then_some((here, by_chance))
    };
    doubts.extend(jump.map(|(from, to)| {
        let seen = near().flat_map(|level| times(level.observed, target.metric));
        let longest = seen.map(|it| it.seconds).reduce(f64::max).unwrap_or(f64::INFINITY);
        // Beyond all that was seen lie the runs that failed.
        let (from, to) = (from.min(longest), if to > longest { f64::INFINITY } else { to });
        Doubt::Jumps { at: point, from, to }
    }));
    if pooled.between_levels() > SAME {
        doubts.push(Doubt::Uneven(pooled.between_levels()));
    }
    let limited = near().find(|level| level.metrics.client_limited);
    doubts.extend(limited.map(|level| Doubt::ClientLimited(level.concurrency())));
    doubts.extend(of_failures(metric, bounds, point));
    doubts
}

/// Returns true if a level takes longer than the others make one expect, by more than chance.
fn is_slow(pooled: &PooledModel, level: f64) -> bool {
    pooled
        .expected(level)
        .is_some_and(|it| it.seen > it.expected * (1.0 + SLOWER) && it.is_slow_beyond_chance())
}

/// Returns a doubt if levels differ in their tails, and those around the answer do not suffice on their own.
fn of_tail_beside(
    found: &CapacityEstimate,
    metric: &MetricModels<'_>,
    target: Target,
) -> Option<Doubt> {
    let (model, bounds, at) =
        (found.models.furthest(), &found.bounds, found.drawn.point.concurrency);
    let (quantile, limit) = (target.quantile, target.seconds());
    let TailBeside { runs, multiples: (low, high) } = model.tail_beside(at, quantile)?;
    let open = model.carried_with(low, limit) / model.carried_with(high, limit);
    // What is sure of each level by itself, without any model.
    let (least, most) = (bounds.at_least.unwrap_or(0.0), bounds.highest().unwrap_or(f64::INFINITY));
    let (between, beyond): (Vec<&Level<'_>>, Vec<&Level<'_>>) = metric
        .levels
        .iter()
        .filter(|it| it.is_usable())
        .partition(|it| it.concurrency() > least && it.concurrency() < most);
    // As many runs at each level, and as many for each user, are both nothing but a plan.
    let lent = |of: &dyn Fn(&Level<'_>) -> f64| {
        let each = |levels: &[&Level<'_>]| {
            levels.iter().map(|level| of(level)).sum::<f64>() / levels.len().max(1) as f64
        };
        !between.is_empty() && LENT * each(&between) < each(&beyond)
    };
    let runs_of = |level: &Level<'_>| level.metrics.runs as f64;
    let borrowed = lent(&runs_of) && lent(&|level| runs_of(level) / level.concurrency());
    let between: f64 = between.iter().map(|level| runs_of(level)).sum();
    let enough = runs_for_tail(quantile.share());
    let few = |runs: f64, open: f64| runs < enough && open > OPEN;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and a float-to-int cast saturates"
    )]
    let needed = enough.ceil() as u64;
    let doubt = |near: f64| Doubt::BorrowedTail { at, near, needed };
    if few(runs, open) {
        Some(doubt(runs))
    } else {
        (borrowed && few(between, most / least)).then(|| doubt(between))
    }
}

/// Adds a doubt if runs around an answer failed, which is tolerated; the interval then extends to
/// the capacity if failures count as misses.
pub(super) fn hold_against_failures(
    found: &mut CapacityEstimate,
    metric: &MetricModels<'_>,
    target: Target,
) {
    /// Ratio of both capacities below which there is no doubt.
    const SAME: f64 = 1.05;
    const BY_CHANCE: f64 = 0.01;
    let range = found.drawn.range(|it| it.concurrency);
    let point = range.point;
    let Some(models) = metric.with_failures().filter(|_| !found.is_open()) else { return };
    let around = |level: &&Level<'_>| {
        let at = level.concurrency();
        level.is_usable() && at >= point / 2.0 && at <= point * 2.0
    };
    let failures = |level: &Level<'_>| {
        let slow = level.slow_failures(target.metric);
        (level.metrics.failed.saturating_sub(slow), level.metrics.runs)
    };
    let counts = metric.levels.iter().filter(around).map(failures);
    let (failed, runs) = counts.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    let allowed = 1.0 - target.quantile.share();
    let share = failed as f64 / runs.max(1) as f64;
    let carried = models.point(target.quantile, target.seconds());
    let by = point / carried;
    if failed > 0 && 1.0 - at_most(whole(failed) - 1, whole(runs), allowed) <= BY_CHANCE {
        found.doubts.push(Doubt::Tolerated { share, allowed, carried, by: f64::INFINITY });
    } else if by > SAME && carried >= 1.0 {
        found.drawn.stretch(carried.min(range.low), range.high);
        found.doubts.push(Doubt::Tolerated { share: share.min(allowed), allowed, carried, by });
    }
}

/// Returns a doubt if runs were cut off at a time within the limit, so that their real times are
/// unknown.
fn of_cut(metric: &MetricModels<'_>, target: Target) -> Option<Doubt> {
    let of = |level: &Level<'_>| -> Vec<f64> {
        times(level.observed, target.metric).iter().map(|it| it.seconds).collect()
    };
    let usable = metric.levels.iter().filter(|level| level.is_usable());
    let (seconds, share) = cut_off(&usable.map(of).collect::<Vec<_>>())?;
    (seconds <= target.seconds()).then_some(Doubt::Cut { seconds, share })
}

/// Returns a doubt if runs near a load timed out within the limit, so that their real times are unknown.
fn of_given_up(metric: &MetricModels<'_>, target: Target, point: f64) -> Option<Doubt> {
    const SHARE: f64 = 0.01;
    const FEWEST: usize = 3;
    if target.metric.call_column().is_some() {
        return None;
    }
    let within = |it: &&GivenUp| it.seconds < target.seconds() * (1.0 - ROUNDING);
    let of = |level: &Level<'_>| {
        let within = level.observed.given_up.iter().filter(within);
        let seconds: Vec<f64> = within.map(|it| it.seconds).collect();
        let share = seconds.len() as f64 / level.metrics.runs.max(1) as f64;
        let longest = seconds.iter().copied().fold(0.0, f64::max);
        (seconds.len() >= FEWEST && share >= SHARE).then_some((share, longest))
    };
    let near = metric.levels.iter().filter(|level| level.concurrency() <= point * NEAR);
    let most = near.filter_map(of).max_by(|a, b| a.0.total_cmp(&b.0));
    most.map(|(share, seconds)| Doubt::GivenUp { seconds, share })
}

/// Finds the time at which runs were cut off: many that are as long as the longest, beside others
/// of which hardly two are alike. If those are alike as well, the clock is coarse.
fn cut_off(levels: &[Vec<f64>]) -> Option<(f64, f64)> {
    /// Relative difference below which two times are the same; a timeout is as exact as that.
    const SAME: f64 = 0.002;
    const FEWEST: usize = 3;
    const SHARE: f64 = 0.01;
    const OTHERS: usize = 20;
    let longest = levels.iter().flatten().copied().fold(0.0, f64::max);
    let is_cut = |time: &&f64| **time >= longest * (1.0 - SAME);
    let share = |times: &Vec<f64>| {
        let count = times.iter().filter(is_cut).count();
        let share = count as f64 / times.len().max(1) as f64;
        if count >= FEWEST && share >= SHARE { share } else { 0.0 }
    };
    let most = levels.iter().map(share).fold(0.0, f64::max);
    // As wide a stretch of the times below is what chance puts into one.
    let others: Vec<f64> = levels.iter().flatten().filter(|it| !is_cut(it)).copied().collect();
    let widest = |from: f64| {
        let inside = |it: &&f64| **it >= from && **it < from * (1.0 + SAME);
        others.iter().filter(inside).count()
    };
    let beside = others.iter().filter(|it| **it > longest / 2.0);
    let alike = beside.map(|it| widest(*it)).max().unwrap_or(0);
    let count = levels.iter().flatten().filter(is_cut).count();
    (most > 0.0 && others.len() >= OTHERS && count > 3 * alike.max(1)).then_some((longest, most))
}

/// Returns the doubts about levels at which runs failed.
fn of_failures(metric: &MetricModels<'_>, bounds: &Bounds, point: f64) -> Vec<Doubt> {
    let failed = || metric.levels.iter().filter(|level| !level.is_usable());
    let mut doubts = Vec::new();
    if let Some(at) = bounds.below.filter(|_| bounds.refused()) {
        doubts.push(Doubt::Refused { at, carried: bounds.taken, gone: bounds.gone() });
    }
    let matters = |level: &&Level<'_>| level.concurrency() <= point * NEAR;
    let levels: Vec<f64> = failed().filter(matters).map(Level::concurrency).collect();
    let most =
        failed().filter(matters).map(|level| failed_share(level.metrics)).fold(0.0, f64::max);
    // Where levels on both sides are close, a level that failed further up changes nothing.
    let closed =
        matches!((bounds.at_least, bounds.highest()), (Some(low), Some(high)) if high < low * 1.3);
    let unexplained = bounds.failed && !bounds.refused();
    if !levels.is_empty() && (!closed || unexplained) {
        doubts.push(Doubt::Failed { levels, share: most, tolerable: most <= TOLERABLE });
    }
    doubts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_all_end_at_the_same_time_were_cut_off() {
        let spread = |count: u32| (0..count).map(|index| 1.0 + 0.03 * f64::from(index));
        let cut = |count: u32, at: f64| spread(count).map(move |time| time.min(at)).collect();
        let (seconds, share) = cut_off(&[cut(60, 3.4), cut(100, 3.4)]).unwrap();
        assert!((seconds - 3.4).abs() < 1e-9 && (share - 0.2).abs() < 0.02, "{seconds} {share}");
        // A clock that counts whole seconds makes all times alike.
        let whole: Vec<f64> = spread(100).map(f64::round).collect();
        assert_eq!(cut_off(&[whole]), None);
        assert_eq!(cut_off(&[spread(100).collect()]), None);
    }
}
