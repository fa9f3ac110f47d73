//! How near the whole of sizer comes to the truth: its own planner, load generator and estimator sweep
//! simulated rigs in virtual time, and the true count comes from simulating the whole cluster.
//!
//! `cargo bench --bench accuracy [-- SCENARIOS [FIRST_SEED]] [--tokens] [--verbose]`; see README.md.

mod rigs;

use rigs::{Scenario, Trouble, adaptive, estimate, on_all_cores, sweep};
use sizer::internal::quantile_of_sorted;
use std::sync::Arc;

/// Virtual time that a sweep may take, in times of the target.
const BUDGET: f64 = 40.0;
/// Runs behind the p95 of a simulated cluster.
const TRUTH_RUNS: usize = 8_000;

/// A rig with which nothing goes wrong.
struct Undisturbed;

impl Trouble for Undisturbed {}

/// What a sweep and its estimate came to, in GPUs.
struct Found {
    point: f64,
    low: f64,
    high: f64,
    recommended: Option<u64>,
    spent: f64,
    levels: Vec<(u32, u64)>,
}

/// Sweeps the rig as `levels: adaptive` does, and estimates.
fn found(scenario: &Scenario) -> Option<Found> {
    let swept = sweep(scenario, Arc::new(Undisturbed), &adaptive(scenario, BUDGET))?;
    let gpus = estimate(scenario, &swept)?.answer.gpus()?;
    Some(Found {
        point: gpus.point?,
        low: gpus.low.unwrap_or(0.0),
        high: gpus.high.unwrap_or(f64::INFINITY),
        recommended: gpus.recommended,
        spent: swept.levels.iter().map(|level| level.elapsed).sum::<f64>() / scenario.limit,
        levels: swept.levels.iter().map(|level| (level.concurrency, level.measured)).collect(),
    })
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|arg| arg.parse::<u64>().ok());
    let count = numbers.next().unwrap_or(80);
    let first = numbers.next().unwrap_or(1);
    let verbose = std::env::args().any(|arg| arg == "--verbose");
    let results = on_all_cores(usize::try_from(count).unwrap_or_default(), |index| {
        let scenario = Scenario::random(1000 * (first + index as u64), TRUTH_RUNS);
        let truth = scenario.truth((0, 1))? * scenario.gpus_per_replica;
        let found = found(&scenario);
        if verbose {
            println!(
                "{}: {} users, {:.2} s, truth {truth}: {}",
                scenario.seed,
                scenario.users,
                scenario.limit,
                found.as_ref().map_or("no answer".to_owned(), |it| format!(
                    "{} ({} to {}), spent {:.0}, {:?}",
                    it.point, it.low, it.high, it.spent, it.levels
                ))
            );
        }
        Some((f64::from(truth), found))
    });
    let share = |holds: &dyn Fn(f64, &Found) -> bool| {
        let held =
            results.iter().filter(|(truth, it)| it.as_ref().is_some_and(|it| holds(*truth, it)));
        100.0 * held.count() as f64 / results.len().max(1) as f64
    };
    let sorted = |of: &dyn Fn(f64, &Found) -> Option<f64>| {
        let mut all: Vec<f64> =
            results.iter().filter_map(|(truth, it)| of(*truth, it.as_ref()?)).collect();
        all.sort_by(f64::total_cmp);
        quantile_of_sorted(&all, 0.5).unwrap_or(f64::NAN)
    };
    println!("{} scenarios, a budget of {BUDGET} times the target each", results.len());
    println!(
        "within 10 %: {:.1} %",
        share(&|truth, it| (it.point / truth - 1.0).abs() <= 0.1 + 1e-9)
    );
    println!("more than 10 % too low: {:.1} %", share(&|truth, it| it.point < 0.9 * truth - 1e-9));
    println!("no answer: {:.1} %", 100.0 - share(&|_, _| true));
    println!(
        "90 % interval holds: {:.1} %",
        share(&|truth, it| it.low <= truth && truth <= it.high)
    );
    println!(
        "median error: {:.1} %",
        100.0 * sorted(&|truth, it| Some((it.point / truth - 1.0).abs()))
    );
    println!(
        "recommended: {:.1} % more than 10 % too low, {:.2} times the truth at the median",
        share(&|truth, it| it.recommended.is_some_and(|gpus| (gpus as f64) < 0.9 * truth - 1e-9)),
        sorted(&|truth, it| Some(it.recommended? as f64 / truth))
    );
    println!("spent: {:.1} times the target at the median", sorted(&|_, it| Some(it.spent)));
}
