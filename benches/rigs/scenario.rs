//! An agent on a cluster, drawn at random.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, LogNormal};
use sizer::internal::Sequence;
use sizer::kinds::Engine;
use sizer::sections::Seconds;

/// An agent on a cluster.
#[derive(Clone)]
pub struct Scenario {
    pub seed: u64,
    pub engine: Engine,
    pub gpus_per_replica: u32,
    pub rig_replicas: u32,
    calls: (u32, u32),
    tool_median: f64,
    prompt: LogNormal<f64>,
    answer: LogNormal<f64>,
    /// Share of calls that are followed by a long pause, and how long it is.
    stalls: (f64, f64),
    pub users: u32,
    pub limit: f64,
    /// Runs behind the p95 of a simulated cluster, at the least.
    pub truth_runs: usize,
}

/// One run before it meets a cluster: what each call reads and writes, and the pause after it.
pub struct Script(pub Vec<(Sequence, f64)>);

/// A number drawn log-uniformly.
pub fn between(rng: &mut Xoshiro256PlusPlus, low: f64, high: f64) -> f64 {
    (rng.random_range(low.ln()..high.ln())).exp()
}

fn whole(value: f64) -> u32 {
    value.round().clamp(1.0, 4000.0).to_string().parse().unwrap_or(1)
}

impl Scenario {
    /// A scenario whose rig carries somewhere between 4 and 128 runs in flight.
    pub fn random(seed: u64, truth_runs: usize) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let seconds = |value: f64| Seconds::new(value).unwrap_or_default();
        let engine = Engine {
            replicas: 1,
            max_batch: whole(between(&mut rng, 6.0, 64.0)),
            base: seconds(between(&mut rng, 0.008, 0.03)),
            per_sequence: seconds(between(&mut rng, 0.0002, 0.002)),
            per_prefill_token: seconds(between(&mut rng, 5e-6, 1e-4)),
            jitter: rng.random_range(0.0..0.2),
        };
        let spread = |rng: &mut Xoshiro256PlusPlus, low: f64, high: f64| {
            let (median, sigma) = (between(rng, low, high), rng.random_range(0.2..0.8));
            LogNormal::new(median.ln(), sigma).ok()
        };
        let lengths = |rng: &mut Xoshiro256PlusPlus| {
            Some((spread(rng, 200.0, 2000.0)?, spread(rng, 40.0, 300.0)?))
        };
        let Some((prompt, answer)) = lengths(&mut rng) else {
            return Self::random(seed + 1, truth_runs);
        };
        let fewest = rng.random_range(1..4);
        let mut scenario = Self {
            seed,
            engine,
            gpus_per_replica: [1, 2, 4, 8][rng.random_range(0..4)],
            rig_replicas: [1, 1, 1, 2, 4][rng.random_range(0..5)],
            calls: (fewest, fewest + rng.random_range(0..4)),
            tool_median: between(&mut rng, 0.05, 2.0),
            prompt,
            answer,
            stalls: if rng.random_bool(0.25) {
                (0.003, between(&mut rng, 2.0, 20.0))
            } else {
                (0.0, 0.0)
            },
            users: 0,
            limit: 0.0,
            truth_runs,
        };
        // A limit by what a lone run takes: as close as people set them, and far beyond the knee.
        let limit = scenario.p95(scenario.rig_replicas, 1) * between(&mut rng, 1.15, 6.0);
        scenario.limit = limit;
        scenario.users = [100, 200, 500, 1000, 2000][rng.random_range(0..5)];
        let met = |users| scenario.p95(scenario.rig_replicas, users) <= limit;
        if met(4) && !met(128) { scenario } else { Self::random(seed + 1, truth_runs) }
    }

    /// What a run does, by its number.
    pub fn script(&self, id: u64) -> Script {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.seed ^ id.wrapping_mul(0x9E37_79B9));
        let calls = rng.random_range(self.calls.0..=self.calls.1);
        let call = |index: u32| {
            let prompt_tokens = whole(self.prompt.sample(&mut rng));
            let output_tokens = whole(self.answer.sample(&mut rng));
            let sequence =
                Sequence { id: id * 16 + u64::from(index), prompt_tokens, output_tokens };
            let tool = self.tool_median * rng.random_range(0.5..2.0);
            let stall = if rng.random_bool(self.stalls.0) { self.stalls.1 } else { 0.0 };
            (sequence, if index + 1 < calls { tool } else { 0.0 } + stall)
        };
        Script((0..calls).map(call).collect())
    }
}
