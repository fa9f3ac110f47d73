//! Where to measure next: doubling until a target is crossed or the server fails, then closing in
//! on that point, with the runs where they say most.

use super::Target;
use crate::measure::LevelMetrics;

/// What may be spent on all levels together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spend {
    /// Measured runs.
    Runs(f64),
    /// Seconds under load.
    Seconds(f64),
}

/// What an adaptive sweep may do, and what for.
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptivePlan {
    /// The first level.
    pub start: u32,
    /// The highest level.
    pub max: u32,
    /// What may be spent; `None` for as much as the levels need.
    pub budget: Option<Spend>,
    /// The limits whose crossing is looked for.
    pub targets: Vec<Target>,
}

/// The next level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextLevel {
    /// Runs in flight.
    pub concurrency: u32,
    /// Runs to measure there.
    pub runs: usize,
}

/// Waves of a level on the way up: enough to see on which side of a target it lies.
const WAVES_UP: f64 = 2.0;
const FEWEST_UP: f64 = 20.0;
/// Waves of a level near the crossing, where nothing says how much may be spent.
const WAVES_NEAR: f64 = 8.0;
const FEWEST_NEAR: f64 = 120.0;
/// The crossing is known well enough once it lies between two levels this close to each other.
const CLOSE: f64 = 1.08;
/// Levels near the crossing over which the rest of a budget is spread.
const LEVELS_NEAR: f64 = 4.0;

/// The level that says most after those measured so far, in whatever order; `None` once there is
/// nothing left to learn or to spend. The same levels always give the same answer.
pub fn next_level(plan: &AdaptivePlan, measured: &[LevelMetrics]) -> Option<NextLevel> {
    let known = |concurrency: u32| measured.iter().any(|it| it.concurrency == concurrency);
    let meets = |level: &&LevelMetrics| meets_all(level, &plan.targets);
    let below = measured.iter().filter(meets).map(|level| level.concurrency).max();
    // The lowest that does not; one that met the targets above it was lucky, or this one was not.
    let above = measured.iter().filter(|it| !meets(it)).map(|level| level.concurrency).min();
    let below = match above {
        Some(above) => measured
            .iter()
            .filter(|level| meets(level) && level.concurrency < above)
            .map(|level| level.concurrency)
            .max(),
        None => below,
    };
    let left = plan.budget.map(|budget| left_of(budget, measured));
    if left.is_some_and(|left| left <= 0.0) {
        return None;
    }
    let (concurrency, near) = match (below, above) {
        (None, None) => (plan.start, false),
        (Some(below), None) => (below.saturating_mul(2).min(plan.max), false),
        (None, Some(above)) => (above / 2, false),
        (Some(below), Some(above)) => (between(plan, measured, below, above)?, true),
    };
    if concurrency == 0 || known(concurrency) {
        return None;
    }
    let waves = |count: f64, fewest: f64| (count * f64::from(concurrency)).max(fewest);
    let wanted = if near { waves(WAVES_NEAR, FEWEST_NEAR) } else { waves(WAVES_UP, FEWEST_UP) };
    let runs = match (plan.budget, left) {
        (Some(budget), Some(left)) => {
            let affordable = affordable(budget, left, concurrency, measured);
            let share = if near { affordable / LEVELS_NEAR } else { affordable };
            if near { share.max(affordable.min(f64::from(concurrency))) } else { wanted.min(share) }
        }
        _ => wanted,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and a float-to-int cast saturates"
    )]
    let runs = runs.max(1.0).ceil() as usize;
    Some(NextLevel { concurrency, runs })
}

/// Whether a level meets every target; one that failed, or that lacks what is limited, does not.
fn meets_all(level: &LevelMetrics, targets: &[Target]) -> bool {
    let met = |target: &Target| {
        level.metric(target.metric).is_none_or(|seen| seen.at(target.quantile) <= target.limit)
    };
    !level.interrupted && targets.iter().all(met)
}

/// A level between one that meets the targets and one that does not: where a straight line between
/// them crosses the target, but never close to either end. Once they are close, a neighbour of the
/// crossing that was not measured yet.
fn between(plan: &AdaptivePlan, measured: &[LevelMetrics], below: u32, above: u32) -> Option<u32> {
    let (low, high) = (f64::from(below), f64::from(above));
    if high <= low * CLOSE || above - below <= 1 {
        // With a budget there is more to spend near the crossing; without, this is it.
        plan.budget?;
        let around = [above, below]
            .into_iter()
            .flat_map(|level| {
                let step = (f64::from(level) * (CLOSE - 1.0) / 2.0).round().max(1.0);
                [f64::from(level) - step, f64::from(level) + step]
            })
            .map(round)
            .filter(|level| (1..=plan.max).contains(level))
            .find(|level| measured.iter().all(|it| it.concurrency != *level));
        return around;
    }
    let crossing = crossing(plan, measured, below, above).unwrap_or(0.5);
    // On a logarithmic scale, as the levels are.
    let share = crossing.clamp(0.25, 0.75);
    let level = round(low * (high / low).powf(share));
    Some(level.clamp(below + 1, above - 1))
}

/// The share of the way from one level to the other at which the first target is crossed.
fn crossing(plan: &AdaptivePlan, measured: &[LevelMetrics], below: u32, above: u32) -> Option<f64> {
    let at = |concurrency| measured.iter().find(|level| level.concurrency == concurrency);
    let (low, high) = (at(below)?, at(above)?);
    let share = |target: &Target| {
        let from = low.metric(target.metric)?.at(target.quantile);
        let to = high.metric(target.metric)?.at(target.quantile);
        (to > target.limit && to > from).then(|| (target.limit - from) / (to - from))
    };
    plan.targets.iter().filter_map(share).min_by(f64::total_cmp).filter(|_| !high.interrupted)
}

/// What is left of a budget.
fn left_of(budget: Spend, measured: &[LevelMetrics]) -> f64 {
    match budget {
        Spend::Runs(runs) => runs - measured.iter().map(|level| level.measured as f64).sum::<f64>(),
        Spend::Seconds(seconds) => {
            seconds - measured.iter().map(|level| level.elapsed).sum::<f64>()
        }
    }
}

/// Runs at a level that what is left pays for.
fn affordable(budget: Spend, left: f64, concurrency: u32, measured: &[LevelMetrics]) -> f64 {
    match budget {
        Spend::Runs(_) => left,
        Spend::Seconds(_) => {
            let distance = |level: &&LevelMetrics| level.concurrency.abs_diff(concurrency);
            let nearest = measured.iter().filter(|it| it.throughput > 0.0).min_by_key(distance);
            nearest.map_or(f64::INFINITY, |level| left * level.throughput)
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
    use crate::measure::{Metric, Outcome, Phase, Quantile, Recording, Run};

    /// A level at which every run takes as long.
    fn level(step: NextLevel, seconds: f64) -> LevelMetrics {
        let wave = |index: usize| (index / step.concurrency as usize) as f64 * seconds;
        let run = |index| Run {
            id: String::new(),
            start: wave(index),
            end: wave(index) + seconds,
            outcome: Outcome::Ok,
            llm_calls: Vec::new(),
            server_runtime: None,
            phase: Phase::Measured,
            http_status: None,
            reconnected: false,
            retries: 0,
        };
        let recording =
            Recording { runs: (0..step.runs).map(run).collect(), ..Recording::default() };
        LevelMetrics::of(step.concurrency, &recording, 0.0)
    }

    fn plan(max: u32, budget: Option<Spend>) -> AdaptivePlan {
        let (metric, quantile) = (Metric::WorkflowRuntime, Quantile::P95);
        let targets = vec![Target { metric, quantile, limit: 10.0 }];
        AdaptivePlan { start: 1, max, budget, targets }
    }

    /// Levels in the order in which they are measured, on a server as slow as `seconds` says.
    fn sweep(plan: &AdaptivePlan, seconds: impl Fn(u32) -> f64) -> Vec<LevelMetrics> {
        let mut measured = Vec::new();
        while let Some(next) = next_level(plan, &measured) {
            measured.push(level(next, seconds(next.concurrency)));
            assert!(measured.len() < 100, "no end");
        }
        measured
    }

    fn concurrencies(measured: &[LevelMetrics]) -> Vec<u32> {
        measured.iter().map(|level| level.concurrency).collect()
    }

    /// Flat up to a knee at 40, then a second for every four more: 10 s are crossed at 72.
    fn hockey(concurrency: u32) -> f64 {
        2.0 + f64::from(concurrency.saturating_sub(40)) / 4.0
    }

    #[test]
    fn a_target_is_crossed_and_closed_in_on() {
        let levels = concurrencies(&sweep(&plan(1024, None), hockey));
        assert_eq!(levels[..8], [1, 2, 4, 8, 16, 32, 64, 128]);
        let near: Vec<u32> = levels[8..].to_vec();
        let below = levels.iter().filter(|level| hockey(**level) <= 10.0).max().unwrap();
        let above = levels.iter().filter(|level| hockey(**level) > 10.0).min().unwrap();
        assert!(f64::from(*above) <= f64::from(*below) * CLOSE, "{near:?}");
        assert!(near.len() <= 5, "{near:?}");
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
        let measured = sweep(&plan(1024, Some(Spend::Runs(3000.0))), hockey);
        let runs = |wanted: &dyn Fn(u32) -> bool| -> u64 {
            let levels = measured.iter().filter(|level| wanted(level.concurrency));
            levels.map(|level| level.measured).sum()
        };
        assert!((2000..=3000).contains(&runs(&|_| true)), "{:?}", concurrencies(&measured));
        assert!(runs(&|level| (60..=85).contains(&level)) > runs(&|_| true) / 2);
        let seconds = sweep(&plan(1024, Some(Spend::Seconds(400.0))), hockey);
        let spent: f64 = seconds.iter().map(|level| level.total_runtime).sum();
        assert!((250.0..=440.0).contains(&spent), "{spent} s: {:?}", concurrencies(&seconds));
    }

    #[test]
    fn a_server_that_fails_is_a_crossing() {
        let mut measured = Vec::new();
        let plan = plan(1024, None);
        while let Some(next) = next_level(&plan, &measured) {
            let mut level = level(next, 1.0);
            level.interrupted = next.concurrency > 20;
            measured.push(level);
        }
        let levels = concurrencies(&measured);
        assert_eq!(levels[..6], [1, 2, 4, 8, 16, 32]);
        assert!(levels.contains(&20) || levels.contains(&21), "{levels:?}");
    }
}
