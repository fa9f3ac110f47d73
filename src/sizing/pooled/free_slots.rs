//! Limits that are reached where the slow runs grow less with the load than the mean does.
//!
//! A limit that is reached while a server has free slots, among levels at which they are all taken:
//! runs that wait for a slot differ less, as multiples of their mean, than runs that do not.

use super::PooledModel;
use crate::measure::{Metric, Quantile};
use crate::sizing::{Certainty, ObservedLevel, ObservedRun};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, LogNormal};
use std::collections::VecDeque;

const CERTAINTY: Certainty = Certainty { confidence: 0.9, resamples: 300, seed: 1 };
/// Seconds of work at the median.
const MEDIAN: f64 = 2.0;

/// A server with slots, in which work takes `1 + growth · taken / slots` times as long.
struct Server {
    slots: u32,
    growth: f64,
    sigma: f64,
}

impl Server {
    fn slowed(&self, taken: f64) -> f64 {
        1.0 + self.growth * taken / f64::from(self.slots)
    }

    /// Returns the p95 in seconds if each run has a slot.
    fn p95(&self, concurrency: f64) -> f64 {
        MEDIAN * (1.6449 * self.sigma).exp() * self.slowed(concurrency)
    }

    /// Simulates `runs` runs of a closed loop, after twice as many as are in flight have ended.
    fn level(&self, in_flight: u32, runs: usize, random: &mut Xoshiro256PlusPlus) -> ObservedLevel {
        let work = LogNormal::new(MEDIAN.ln(), self.sigma).unwrap();
        self.level_of(in_flight, runs, random, |random| work.sample(random))
    }

    /// The same with work (seconds) of any kind.
    fn level_of(
        &self,
        in_flight: u32,
        runs: usize,
        random: &mut Xoshiro256PlusPlus,
        work: impl Fn(&mut Xoshiro256PlusPlus) -> f64,
    ) -> ObservedLevel {
        // The runs that wait: when each began, its work, and its number.
        let mut started = in_flight as usize;
        let mut waiting: VecDeque<(f64, f64, usize)> =
            (0..started).map(|number| (0.0, work(random), number)).collect();
        // Where the work done by each slot stands when a run ends, when the run began, and its number.
        let mut taken: Vec<(f64, f64, usize)> = Vec::new();
        let (mut now, mut done) = (0.0, 0.0);
        // A run counts by when it began: of the last ones to end, most long ones would be missing.
        let counted = 4 * in_flight as usize..4 * in_flight as usize + runs;
        let mut runtimes = Vec::new();
        while runtimes.len() < runs {
            while taken.len() < self.slots as usize {
                let Some((start, work, number)) = waiting.pop_front() else { break };
                taken.push((done + work, start, number));
            }
            let ends = taken.iter().map(|it| it.0);
            let next = ends.enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0;
            now += (taken[next].0 - done) * self.slowed(taken.len() as f64);
            let (start, number);
            (done, start, number) = taken.swap_remove(next);
            if counted.contains(&number) {
                runtimes.push(now - start);
            }
            waiting.push_back((now, work(random), started));
            started += 1;
        }
        let concurrency = f64::from(in_flight);
        let run = |&runtime: &f64| ObservedRun {
            concurrency,
            runtime,
            llm_time: runtime,
            llm_calls: 1.0,
            prompt_tokens: None,
            completion_tokens: None,
            first_tokens: None,
        };
        let runs = runtimes.iter().map(run).collect();
        ObservedLevel { runs, ..ObservedLevel::default() }
    }
}

#[test]
fn a_limit_that_is_reached_while_slots_are_free_is_not_taken_for_that_of_a_full_server() {
    const RIGS: u64 = 20;
    let (mut too_high, mut held, mut off) = (0, 0, Vec::new());
    for seed in 0..RIGS {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let slots = [8, 16, 32][random.random_range(0..3)];
        let (growth, sigma) = (random.random_range(0.4..2.0), random.random_range(0.2..0.7));
        let server = Server { slots, growth, sigma };
        let carried = random.random_range(0.4..0.9) * f64::from(slots);
        let loads = [1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128];
        let loads = loads.into_iter().filter(|load| *load <= 4 * slots);
        let levels: Vec<ObservedLevel> =
            loads.map(|load| server.level(load, 30 * load as usize, &mut random)).collect();
        let levels: Vec<&ObservedLevel> = levels.iter().collect();
        let pooled = PooledModel::of_observed(&levels, &[], Metric::WorkflowRuntime, true).unwrap();
        let found = pooled.capacity(Quantile::P95, server.p95(carried), CERTAINTY, None);
        let found = found.range(|drawn| drawn.concurrency);
        too_high += usize::from(found.point > 1.25 * carried);
        held += usize::from((found.low..=found.high).contains(&carried));
        off.push((found.point / carried).ln().abs());
    }
    off.sort_by(f64::total_cmp);
    let median = off[off.len() / 2];
    // With one tail for all levels, nearly all were too high, no interval held, and the median was off by 0.39.
    let told = format!("{too_high} too high, {held} hold, off by {median:.2}");
    assert!(too_high <= 2 && held >= 14 && median < 0.1, "{told}");
}

/// Work of 2 s as a rule, and of 14 s in one run of ten.
fn one_in_ten_is_long(random: &mut Xoshiro256PlusPlus) -> f64 {
    let seconds: f64 = if random.random_bool(0.1) { 14.0 } else { 2.0 };
    LogNormal::new(seconds.ln(), 0.3).unwrap().sample(random)
}

#[test]
fn few_long_runs_among_many_short_ones_are_not_taken_for_a_tail_that_shrinks() {
    const SEEDS: u64 = 16;
    const CARRIED: u32 = 14;
    let server = Server { slots: 16, growth: 0.8, sigma: 0.3 };
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut long = server.level_of(CARRIED, 60_000, &mut random, one_in_ten_is_long).runs;
    long.sort_by(|a, b| a.runtime.total_cmp(&b.runtime));
    let limit = long[long.len() * 95 / 100].runtime;
    let (mut held, mut sure) = (0, 0);
    for seed in 0..SEEDS {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(100 + seed);
        let loads = [2, 4, 8, 12, 16, 20, 24, 28, 32, 40];
        let level = |load: u32| {
            let runs = (15 * load as usize).max(150);
            server.level_of(load, runs, &mut random, one_in_ten_is_long)
        };
        let levels: Vec<ObservedLevel> = loads.into_iter().map(level).collect();
        let levels: Vec<&ObservedLevel> = levels.iter().collect();
        let pooled = PooledModel::of_observed(&levels, &[], Metric::WorkflowRuntime, true).unwrap();
        let found = pooled.capacity(Quantile::P95, limit, CERTAINTY, None);
        let found = found.range(|drawn| drawn.concurrency);
        let holds = (found.low..=found.high).contains(&f64::from(CARRIED));
        held += u32::from(holds);
        sure += u32::from(found.high < 2.0 * found.low && !holds);
    }
    // By mean and tail alone, no interval held, and 13 were narrower than a factor of two.
    assert!(held >= 12 && sure <= 4, "{held} hold, {sure} are narrow and wrong");
}
