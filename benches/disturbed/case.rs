//! One sweep of the bench: a rig, a plan, what goes wrong, and what came of it.

use super::disturbance::{Disturbance, Rig};
use super::kind::Kind;
use super::plan::Plan;
use super::rigs::scenario::between;
use super::rigs::{Scenario, estimate, sweep};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use sizer::{Estimate, LevelMetrics};
use std::sync::Arc;

/// Runs behind a p95 with which rigs are drawn and their capacity is looked for.
const ROUGH_RUNS: usize = 2_000;
/// Runs behind the p95 of a cluster.
const TRUTH_RUNS: usize = 8_000;
/// Rigs that a scenario needs.
const RIGS: (f64, f64) = (5.0, 12.0);

/// A sweep and its estimate.
pub struct Case {
    pub kind: Kind,
    pub plan: Plan,
    pub scenario: Scenario,
    pub disturbance: Disturbance,
    /// What the rig carries within the limit, in runs in flight.
    pub capacity: u32,
    /// GPUs that the users need.
    pub truth: f64,
    /// GPUs that they need if no run is to fail, where some do above a load.
    pub truth_without_failures: Option<f64>,
    pub levels: Vec<LevelMetrics>,
    pub estimate: Option<Estimate>,
}

impl Case {
    /// The kind of a sweep by its place in the bench.
    pub fn kind_of(index: usize) -> Kind {
        Kind::ALL[index % Kind::ALL.len()]
    }

    /// Draws, measures and estimates; `None` where the truth is a matter of chance.
    pub fn run(index: usize, seed: u64) -> Option<Self> {
        let kind = Self::kind_of(index);
        let round = index / Kind::ALL.len();
        let kinds = match kind {
            // Each pair with either plan.
            Kind::Two => Kind::PAIRS[round / 2 % Kind::PAIRS.len()].to_vec(),
            kind => vec![kind],
        };
        let mut scenario = Scenario::random(1000 * seed, ROUGH_RUNS);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let capacity = capacity(&scenario);
        scenario.users = whole(f64::from(capacity) * between(&mut rng, RIGS.0, RIGS.1));
        scenario.truth_runs = TRUTH_RUNS;
        let per_rig = |carried: u32| {
            f64::from(scenario.users * scenario.rig_replicas) / f64::from(carried.max(1))
        };
        let guess = per_rig(capacity);
        let by_time = scenario.truth((whole(0.92 * guess), whole(1.08 * guess)))?;
        let plan = if kinds.contains(&Kind::Bursts) {
            Plan::Bursts(Plan::doubling(32), 1 + [0, 1, 2][round % 3])
        } else if round.is_multiple_of(2) {
            Plan::Adaptive
        } else {
            let at_least = if rng.random_bool(0.5) { 64 } else { 1 };
            Plan::Levels(Plan::doubling_beyond(capacity, at_least))
        };
        let rig = Rig { limit: scenario.limit, capacity, levels: plan.levels(capacity) };
        let disturbance = Disturbance::random(&kinds, &rig, rng.random());
        // Each rig of the cluster takes as many runs as the one that was measured, and no more.
        let within = |most: Option<u32>| {
            let replicas = most.map_or(by_time, |most| by_time.max(whole(per_rig(most).ceil())));
            f64::from(replicas * scenario.gpus_per_replica)
        };
        let truth = within(disturbance.takes());
        let truth_without_failures =
            disturbance.fails_above().map(|above| within(Some(above)).max(truth));
        let next = |measured: &[LevelMetrics]| plan.next(&scenario, measured);
        let swept = sweep(&scenario, Arc::new(disturbance.clone()), &next)?;
        let estimate = estimate(&scenario, &swept);
        let levels = swept.levels;
        Some(Self {
            kind,
            plan,
            scenario,
            disturbance,
            capacity,
            truth,
            truth_without_failures,
            levels,
            estimate,
        })
    }
}

fn whole(value: f64) -> u32 {
    value.round().max(1.0).to_string().parse().unwrap_or(1)
}

/// The most runs in flight that a rig carries within the limit, to within 2 %.
fn capacity(scenario: &Scenario) -> u32 {
    // As scenarios are drawn.
    let (mut low, mut high) = (4, 128);
    while f64::from(high - low) > (0.02 * f64::from(low)).max(1.0) {
        let middle = whole(f64::from(low * high).sqrt()).clamp(low + 1, high - 1);
        if scenario.p95(scenario.rig_replicas, middle) <= scenario.limit {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}
