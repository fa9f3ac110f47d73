//! A limit that is reached while a server has free slots, among levels at which they are all taken:
//! runs that wait for a slot differ less, as multiples of their mean, than runs that do not.

use super::Pooled;
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
        let mut waiting: VecDeque<(f64, f64)> =
            (0..in_flight).map(|_| (0.0, work.sample(random))).collect();
        // Where the work done by each slot stands when a run ends, and when the run began.
        let mut taken: Vec<(f64, f64)> = Vec::new();
        let (mut now, mut done) = (0.0, 0.0);
        let mut runtimes = Vec::new();
        let skipped = 2 * in_flight as usize;
        while runtimes.len() < runs + skipped {
            while taken.len() < self.slots as usize {
                let Some((start, work)) = waiting.pop_front() else { break };
                taken.push((done + work, start));
            }
            let ends = taken.iter().map(|it| it.0);
            let next = ends.enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0;
            now += (taken[next].0 - done) * self.slowed(taken.len() as f64);
            let start;
            (done, start) = taken.swap_remove(next);
            runtimes.push(now - start);
            waiting.push_back((now, work.sample(random)));
        }
        let concurrency = f64::from(in_flight);
        let run = |&runtime: &f64| ObservedRun {
            concurrency,
            runtime,
            llm_time: runtime,
            llm_calls: 1.0,
        };
        let runs = runtimes.iter().skip(skipped).map(run).collect();
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
        let pooled = Pooled::of_observed(&levels, &[], Metric::WorkflowRuntime).unwrap();
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
