//! Choice of the next level of an adaptive sweep: doubling until a target is crossed or the server
//! fails, then narrowing down around that point, with most runs where they tell most.

use super::Target;
use super::evidence::Evidence;
use super::prepared_model::PreparedModel;
use crate::measure::LevelMetrics;

/// Budget over all levels together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SweepBudget {
    /// Measured runs.
    Runs(f64),
    /// Seconds under load.
    Seconds(f64),
}

impl SweepBudget {
    /// Returns the budget as a number of runs or seconds.
    pub(super) fn amount(self) -> f64 {
        let (Self::Runs(all) | Self::Seconds(all)) = self;
        all
    }

    /// Returns the part of it that a level took.
    pub(super) fn cost(self, level: &LevelMetrics) -> f64 {
        match self {
            Self::Runs(_) => level.measured as f64,
            Self::Seconds(_) => level.elapsed,
        }
    }
}

/// Plan of an adaptive sweep: its bounds and its targets.
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptivePlan {
    /// First level.
    pub start: u32,
    /// Highest level.
    pub max: u32,
    /// Budget; `None` means unlimited.
    pub budget: Option<SweepBudget>,
    /// Limits whose crossing is searched for.
    pub targets: Vec<Target>,
}

/// The level to measure next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextLevel {
    /// Runs in flight.
    pub concurrency: u32,
    /// Runs to measure there.
    pub runs: usize,
}

/// Waves of a level on the way up: enough to see how time grows, and no more.
pub(super) const WAVES_UP: f64 = 2.0;
pub(super) const FEWEST_UP: f64 = 20.0;
/// Largest share of a budget for a level on the way up.
pub(super) const SHARE_UP: f64 = 0.07;
/// Waves of a level near the crossing, without a budget.
const WAVES_NEAR: f64 = 8.0;
const FEWEST_NEAR: f64 = 120.0;
/// Factor within which two levels tell the same.
const CLOSE: f64 = 1.06;
/// Levels around the crossing, as shares of it, in the order in which they are measured.
const AROUND: [f64; 5] = [1.0, 0.88, 1.14, 0.94, 1.07];
/// Number of levels near the crossing over which a budget is spread.
pub(super) const LEVELS_NEAR: usize = 3;
/// Distance within which a level is near the crossing, as a logarithm.
const NEAR: f64 = 0.3;
/// Factor beyond the highest allowed level at which a crossing is out of sight.
const AROUND_MOST: f64 = 1.2;
/// Share of the highest level below which a crossing counts as passed.
const PASSED: f64 = 0.97;

/// Returns the most informative level after those measured so far, in whatever order; `None` once
/// there is nothing left to learn or to spend. The same levels always give the same answer.
///
/// The model of the evidence says where the targets are crossed, from all levels together. A single
/// p95 of few runs crosses a target by chance.
pub fn next_level(plan: &AdaptivePlan, measured: &Evidence<'_>) -> Option<NextLevel> {
    let levels = measured.levels();
    let left = plan
        .budget
        .map(|budget| budget.amount() - levels.iter().map(|level| budget.cost(level)).sum::<f64>());
    let mut levels = levels.to_vec();
    levels.sort_by_key(|level| level.concurrency);
    let crossing = PreparedModel::of(measured.restricted_to(&levels)).crossing(&plan.targets);
    next_within(plan, &levels, crossing, left, false)
}

/// Like [`next_level`], with the given crossing and rest of the budget (`left`), and levels in
/// ascending order. With `at_once`, the rest goes into a single level.
pub(super) fn next_within(
    plan: &AdaptivePlan,
    measured: &[LevelMetrics],
    crossing: f64,
    left: Option<f64>,
    at_once: bool,
) -> Option<NextLevel> {
    if left.is_some_and(|left| left <= 0.0) {
        return None;
    }
    let Some(lowest) = measured.iter().map(|level| level.concurrency).min() else {
        return Some(sized(plan, measured, left, plan.start.min(plan.max), None));
    };
    let usable: Vec<&LevelMetrics> = measured.iter().filter(|level| !level.interrupted).collect();
    let highest = usable.iter().map(|level| level.concurrency).max();
    let failed = measured.iter().filter(|it| it.interrupted).map(|it| it.concurrency).min();
    match (highest, failed) {
        // The server fails before the targets are crossed: that is the crossing.
        (highest, Some(failed))
            if highest.is_none_or(|highest| f64::from(highest) < crossing || highest > failed) =>
        {
            let below = usable.iter().map(|level| level.concurrency).filter(|it| *it < failed);
            let Some(below) = below.max() else {
                let lower = failed.min(lowest) / 2;
                return (lower > 0).then(|| sized(plan, measured, left, lower, None));
            };
            let close = f64::from(failed) <= f64::from(below) * CLOSE || failed - below <= 1;
            let middle = round((f64::from(below) * f64::from(failed)).sqrt());
            let middle = middle.clamp(below + 1, (failed - 1).max(below + 1));
            (!close).then(|| sized(plan, measured, left, middle, Some(0)))
        }
        (Some(highest), None) if highest < plan.max && crossing > PASSED * f64::from(highest) => {
            let higher = highest.saturating_mul(2).min(plan.max);
            Some(sized(plan, measured, left, higher, None))
        }
        // Where a lone run is too slow already, a second level tells whether it was only disturbed.
        (Some(1), None) if usable.len() == 1 && plan.max > 1 => {
            Some(sized(plan, measured, left, 2, None))
        }
        (Some(_), _) if lowest > 1 && crossing < f64::from(lowest) => {
            Some(sized(plan, measured, left, lowest / 2, None))
        }
        (Some(_), _) => near(plan, measured, left, crossing, at_once),
        (None, _) => None,
    }
}

/// Returns a level around the crossing that tells something new.
fn near(
    plan: &AdaptivePlan,
    measured: &[LevelMetrics],
    left: Option<f64>,
    crossing: f64,
    at_once: bool,
) -> Option<NextLevel> {
    // Beyond what may be measured, or below a single run.
    if crossing > f64::from(plan.max) * AROUND_MOST || crossing < 0.5 {
        return None;
    }
    let well_measured = |it: &&LevelMetrics| {
        is_near(it.concurrency, crossing)
            && it.measured as f64 >= FEWEST_NEAR.min(3.0 * f64::from(it.concurrency))
    };
    let done = measured.iter().filter(well_measured).count();
    if plan.budget.is_none() && done >= LEVELS_NEAR {
        return None;
    }
    let is_new = |level: u32| {
        measured.iter().all(|it| {
            let (a, b) = (f64::from(level), f64::from(it.concurrency));
            level != it.concurrency && (a / b).max(b / a) >= CLOSE.min((b + 0.9) / b)
        })
    };
    let allowed = |level: &u32| (1..=plan.max).contains(level) && is_new(*level);
    let around = AROUND.iter().map(|share| round(crossing * share));
    let next_to = [-1.0, 1.0, -2.0, 2.0].iter().map(|step| round(crossing + step));
    let level = around.chain(next_to).find(allowed)?;
    // Less than a wave says nothing: what is left of the budget stays.
    let (budget, wave) = (plan.budget, f64::from(level));
    let worth =
        |left| budget.is_none_or(|budget| affordable(budget, left, level, measured) >= wave);
    let done = if at_once { done.max(LEVELS_NEAR) } else { done };
    left.is_none_or(worth).then(|| sized(plan, measured, left, level, Some(done)))
}

/// Returns true if a level is near a crossing.
pub(super) fn is_near(level: u32, crossing: f64) -> bool {
    (f64::from(level) / crossing.max(1.0)).ln().abs() < NEAR
}

/// Returns a level with as many runs as it is worth. `near` is the number of levels around the
/// crossing so far; `None` for a level on the way up.
pub(super) fn sized(
    plan: &AdaptivePlan,
    measured: &[LevelMetrics],
    left: Option<f64>,
    concurrency: u32,
    near: Option<usize>,
) -> NextLevel {
    let waves = |count: f64, fewest: f64| (count * f64::from(concurrency)).max(fewest);
    let wanted = match near {
        Some(_) => waves(WAVES_NEAR, FEWEST_NEAR),
        None => waves(WAVES_UP, FEWEST_UP),
    };
    let runs = match (plan.budget, left) {
        (Some(budget), Some(left)) => {
            let affordable = |left| affordable(budget, left, concurrency, measured);
            if let Some(done) = near {
                let share = left / LEVELS_NEAR.saturating_sub(done).max(1) as f64;
                affordable(share).max(affordable(left).min(2.0 * f64::from(concurrency)))
            } else {
                // Not less than what shows a mean, and never more than there is.
                let fewest = f64::from(concurrency).max(FEWEST_UP / 4.0);
                let share = affordable(SHARE_UP * budget.amount()).max(fewest);
                wanted.min(share).min(affordable(left))
            }
        }
        _ => wanted,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and a float-to-int cast saturates"
    )]
    let runs = runs.max(1.0).ceil() as usize;
    NextLevel { concurrency, runs }
}

/// Returns the number of runs at a level that an amount of the budget pays for. Of a time, warm-up
/// and the wait for the last run are deducted.
fn affordable(
    budget: SweepBudget,
    amount: f64,
    concurrency: u32,
    measured: &[LevelMetrics],
) -> f64 {
    const WAVES_AROUND: f64 = 2.0;
    match budget {
        SweepBudget::Runs(_) => amount,
        SweepBudget::Seconds(_) => {
            let distance = |level: &&LevelMetrics| level.concurrency.abs_diff(concurrency);
            let nearest = measured.iter().filter(|it| it.throughput > 0.0).min_by_key(distance);
            nearest.map_or(f64::INFINITY, |level| {
                let runs = amount * level.throughput;
                (runs - WAVES_AROUND * f64::from(concurrency)).max(0.0)
            })
        }
    }
}

fn round(level: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and a float-to-int cast saturates"
    )]
    let level = level.round().max(0.0) as u32;
    level
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Metric, Quantile, Recording, Run};
    use crate::sizing::MethodName;

    fn of_levels(levels: &[LevelMetrics]) -> Evidence<'_> {
        Evidence::of_levels(levels, MethodName::default())
    }

    /// A level at which every run takes as long.
    fn level(step: NextLevel, seconds: f64) -> LevelMetrics {
        let wave = |index: usize| (index / step.concurrency as usize) as f64 * seconds;
        let run = |index| Run { start: wave(index), end: wave(index) + seconds, ..Run::default() };
        let recording =
            Recording { runs: (0..step.runs).map(run).collect(), ..Recording::default() };
        LevelMetrics::of(step.concurrency, &recording, 0.0)
    }

    fn plan(max: u32, budget: Option<SweepBudget>) -> AdaptivePlan {
        let (metric, quantile) = (Metric::WorkflowRuntime, Quantile::P95);
        let targets = vec![Target { metric, quantile, limit: 10.0 }];
        AdaptivePlan { start: 1, max, budget, targets }
    }

    /// Levels in the order in which they are measured, on a server as slow as `seconds` says.
    fn sweep(plan: &AdaptivePlan, seconds: impl Fn(u32) -> f64) -> Vec<LevelMetrics> {
        let mut measured = Vec::new();
        while let Some(next) = next_level(plan, &of_levels(&measured)) {
            measured.push(level(next, seconds(next.concurrency)));
            assert!(measured.len() < 100, "no end");
        }
        measured
    }

    fn concurrencies(measured: &[LevelMetrics]) -> Vec<u32> {
        measured.iter().map(|level| level.concurrency).collect()
    }

    /// Flat up to a knee at 14.4, then in proportion: 10 s are crossed at 72.
    fn hockey(concurrency: u32) -> f64 {
        2.0 * (f64::from(concurrency) / 14.4).max(1.0)
    }

    #[test]
    fn a_target_is_crossed_and_closed_in_on() {
        let levels = concurrencies(&sweep(&plan(1024, None), hockey));
        assert_eq!(levels[..8], [1, 2, 4, 8, 16, 32, 64, 128]);
        let near: Vec<u32> = levels[8..].to_vec();
        assert_eq!(near[0], 72);
        assert!((2..=3).contains(&near.len()), "{near:?}");
        assert!(near.iter().all(|level| (60..=85).contains(level)), "{near:?}");
    }

    #[test]
    fn doubling_ends_at_the_highest_level() {
        let levels = concurrencies(&sweep(&plan(100, None), |_| 1.0));
        assert_eq!(levels, [1, 2, 4, 8, 16, 32, 64, 100]);
    }

    #[test]
    fn a_start_that_is_too_high_is_left_downwards() {
        let plan = AdaptivePlan { start: 64, ..plan(1024, None) };
        let levels = concurrencies(&sweep(&plan, f64::from));
        assert_eq!(levels[..4], [64, 32, 16, 8]);
        assert!(levels.iter().all(|level| *level >= 8));
        let hopeless = concurrencies(&sweep(&plan, |_| 11.0));
        assert_eq!(hopeless, [64, 32, 16, 8, 4, 2, 1]);
    }

    #[test]
    fn a_budget_is_spent_near_the_crossing_and_not_exceeded() {
        let measured = sweep(&plan(1024, Some(SweepBudget::Runs(3000.0))), hockey);
        let runs = |wanted: &dyn Fn(u32) -> bool| -> u64 {
            let levels = measured.iter().filter(|level| wanted(level.concurrency));
            levels.map(|level| level.measured).sum()
        };
        assert!((2000..=3000).contains(&runs(&|_| true)), "{:?}", concurrencies(&measured));
        assert!(runs(&|level| (60..=85).contains(&level)) > runs(&|_| true) / 2);
        let seconds = sweep(&plan(1024, Some(SweepBudget::Seconds(400.0))), hockey);
        let spent: f64 = seconds.iter().map(|level| level.total_runtime).sum();
        assert!((250.0..=440.0).contains(&spent), "{spent} s: {:?}", concurrencies(&seconds));
    }

    #[test]
    fn a_slow_first_level_does_not_end_the_search() {
        let slow_first =
            |concurrency: u32| if concurrency == 1 { 15.0 } else { hockey(concurrency) };
        let levels = concurrencies(&sweep(&plan(1024, None), slow_first));
        assert_eq!(levels[..9], [1, 2, 4, 8, 16, 32, 64, 128, 72]);
        // Where a lone run is too slow in truth, the second level says so too.
        assert_eq!(concurrencies(&sweep(&plan(1024, None), |_| 11.0)), [1, 2]);
    }

    #[test]
    fn a_server_that_fails_is_a_crossing() {
        let mut measured = Vec::new();
        let plan = plan(1024, None);
        while let Some(next) = next_level(&plan, &of_levels(&measured)) {
            let mut level = level(next, 1.0);
            level.interrupted = next.concurrency > 20;
            measured.push(level);
        }
        let levels = concurrencies(&measured);
        assert_eq!(levels[..6], [1, 2, 4, 8, 16, 32]);
        assert!(levels.contains(&20) || levels.contains(&21), "{levels:?}");
    }
}
