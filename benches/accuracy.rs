//! How near the whole of sizer comes to the truth: its own planner, load generator and estimator sweep
//! simulated rigs in virtual time, and the true count comes from simulating the whole cluster.
//!
//! `cargo bench --bench accuracy [-- SCENARIOS [FIRST_SEED]]`; see README.md.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, LogNormal};
use sizer::load::{LevelPlan, Pace, Window, run_level};
use sizer::measure::{
    Failure, Item, LevelMetrics, LlmCall, Metric, Quantile, Run, quantile_of_sorted,
};
use sizer::pipeline::CancellationToken;
use sizer::sizing::{
    AdaptivePlan, Certainty, Evidence, FitOptions, Fits, Load, Margin, MethodName, ObservedLevel,
    Question, Rig, Spend, Target, next_level,
};
use sizer::spec::Seconds;
use sizer::spec::workflow::Engine;
use sizer::workflow::simulator::engine::{Cluster, Sequence};
use sizer::workflow::{Clock, Pending, Workflow};
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

/// Virtual time that a sweep may take, in times of the target.
const BUDGET: f64 = 40.0;
/// Runs behind the p95 of a simulated cluster.
const TRUTH_RUNS: usize = 8_000;

/// An agent on a cluster.
#[derive(Clone)]
struct Scenario {
    seed: u64,
    engine: Engine,
    gpus_per_replica: u32,
    rig_replicas: u32,
    calls: (u32, u32),
    tool_median: f64,
    prompt: LogNormal<f64>,
    answer: LogNormal<f64>,
    /// Share of calls that are followed by a long pause, and how long it is.
    stalls: (f64, f64),
    users: u32,
    limit: f64,
}

/// One run before it meets a cluster: what each call reads and writes, and the pause after it.
struct Script(Vec<(Sequence, f64)>);

fn between(rng: &mut Xoshiro256PlusPlus, low: f64, high: f64) -> f64 {
    (rng.random_range(low.ln()..high.ln())).exp()
}

fn whole(value: f64) -> u32 {
    value.round().clamp(1.0, 4000.0).to_string().parse().unwrap_or(1)
}

impl Scenario {
    /// A scenario whose rig carries somewhere between 4 and 128 runs in flight.
    fn random(seed: u64) -> Self {
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
        let Some((prompt, answer)) = lengths(&mut rng) else { return Self::random(seed + 1) };
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
        };
        // A limit by what a lone run takes: as close as people set them, and far beyond the knee.
        let limit = scenario.p95(scenario.rig_replicas, 1) * between(&mut rng, 1.15, 6.0);
        scenario.limit = limit;
        scenario.users = [100, 200, 500, 1000, 2000][rng.random_range(0..5)];
        let met = |users| scenario.p95(scenario.rig_replicas, users) <= limit;
        if met(4) && !met(128) { scenario } else { Self::random(seed + 1) }
    }

    fn script(&self, id: u64) -> Script {
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

    /// The p95 runtime of so many users on so many replicas, with no load generator in between.
    fn p95(&self, replicas: u32, users: u32) -> f64 {
        let engine = Engine { replicas, ..self.engine.clone() };
        let mut cluster = Cluster::new(&engine, self.seed ^ 0x0074_7275_7468);
        // When a run's next call begins: time, run, call; the earliest first.
        let mut due: BinaryHeap<std::cmp::Reverse<(Time, u64, usize)>> = BinaryHeap::new();
        let mut open: BTreeMap<u64, (f64, Script)> = BTreeMap::new();
        // Runs of other seeds than those of the sweep.
        let mut next_id = 1 << 40;
        let mut begin = |at: f64, due: &mut BinaryHeap<_>, open: &mut BTreeMap<u64, _>| {
            due.push(std::cmp::Reverse((Time(at), next_id, 0)));
            open.insert(next_id, (at, self.script(next_id)));
            next_id += 1;
        };
        for user in 0..users {
            begin(f64::from(user) * 1e-3, &mut due, &mut open);
        }
        let warm_up = (users as usize * 3).max(TRUTH_RUNS / 4);
        let mut times = Vec::new();
        while times.len() < warm_up + TRUTH_RUNS.max(users as usize * 4) {
            let next = due.peek().map_or(f64::INFINITY, |std::cmp::Reverse((at, ..))| at.0);
            let step = cluster.next_step_end().unwrap_or(f64::INFINITY);
            let mut ended = Vec::new();
            cluster.advance(next.min(step), |token| {
                if token.last {
                    ended.push((token.id, token.at));
                }
            });
            for (id, at) in ended {
                let (run, call) = (id / 16, (id % 16) as usize);
                let Some((_, script)) = open.get(&run) else { continue };
                let pause = script.0.get(call).map_or(0.0, |(_, pause)| *pause);
                // The end of the last call's pause is the end of the run.
                due.push(std::cmp::Reverse((Time(at + pause), run, call + 1)));
            }
            if next <= step {
                let Some(std::cmp::Reverse((at, run, call))) = due.pop() else { break };
                let sequence = open.get(&run).and_then(|(_, script)| script.0.get(call));
                if let Some((sequence, _)) = sequence {
                    cluster.submit(at.0, *sequence);
                } else if let Some((start, _)) = open.remove(&run) {
                    times.push(at.0 - start);
                    begin(at.0, &mut due, &mut open);
                }
            }
        }
        let mut measured = times.split_off(warm_up);
        measured.sort_by(f64::total_cmp);
        quantile_of_sorted(&measured, Quantile::P95.share()).unwrap_or(f64::INFINITY)
    }

    /// The fewest replicas that keep the users within the limit; `None` where that is a matter of
    /// chance, the limit being no longer than runs take on an idle cluster.
    fn truth(&self) -> Option<u32> {
        let (mut low, mut high) = (0, 1);
        while self.p95(high, self.users) > self.limit {
            (low, high) = (high, high * 2);
            if high > 2 * self.users {
                return None;
            }
        }
        while high - low > 1 {
            let middle = u32::midpoint(low, high);
            if self.p95(middle, self.users) > self.limit { low = middle } else { high = middle }
        }
        Some(high)
    }
}

/// A time that can be ordered.
#[derive(Clone, Copy, PartialEq)]
struct Time(f64);

impl Eq for Time {}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Time {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// A call on its way to the engine.
type Submission = (f64, Sequence, oneshot::Sender<()>);

/// The agent as a workflow, on an engine that a task of its own plays in virtual time.
struct Agent {
    scenario: Scenario,
    origin: Instant,
    submissions: mpsc::UnboundedSender<Submission>,
    runs: AtomicU64,
}

impl Agent {
    fn start(scenario: &Scenario) -> Self {
        let (submissions, inbox) = mpsc::unbounded_channel();
        let origin = Instant::now();
        let engine = Engine { replicas: scenario.rig_replicas, ..scenario.engine.clone() };
        tokio::spawn(play(Cluster::new(&engine, scenario.seed), inbox, origin));
        Self { scenario: scenario.clone(), origin, submissions, runs: AtomicU64::new(0) }
    }
}

async fn play(
    mut cluster: Cluster,
    mut inbox: mpsc::UnboundedReceiver<Submission>,
    origin: Instant,
) {
    let mut waiting: BTreeMap<u64, oneshot::Sender<()>> = BTreeMap::new();
    loop {
        let step = cluster.next_step_end().map(|at| origin + Duration::from_secs_f64(at));
        let submission = tokio::select! {
            biased;
            submission = inbox.recv() => match submission {
                Some(submission) => Some(submission),
                None => return,
            },
            () = sleep_until(step.unwrap_or(origin)), if step.is_some() => None,
        };
        // A paused clock stands still until all have waited: rounding must not leave a step behind.
        let now = origin.elapsed().as_secs_f64();
        let ended = cluster.next_step_end().map_or(now, |at| at.max(now));
        cluster.advance(submission.as_ref().map_or(ended, |it| it.0), |token| {
            if token.last
                && let Some(waiting) = waiting.remove(&token.id)
            {
                let _ = waiting.send(());
            }
        });
        if let Some((at, sequence, done)) = submission {
            waiting.insert(sequence.id, done);
            cluster.submit(at, sequence);
        }
    }
}

impl Workflow for Agent {
    fn check(&self) -> Pending<'_, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    fn run<'a>(&'a self, item: &'a Item, clock: Clock) -> Pending<'a, Run> {
        Box::pin(async move {
            let script = self.scenario.script(self.runs.fetch_add(1, Ordering::Relaxed));
            let start = clock.now();
            let mut llm_calls = Vec::new();
            for (sequence, pause) in script.0 {
                let (done, end) = oneshot::channel();
                let began = clock.now();
                let _ =
                    self.submissions.send((self.origin.elapsed().as_secs_f64(), sequence, done));
                let _ = end.await;
                llm_calls.push(LlmCall { start: began, end: clock.now(), ..LlmCall::default() });
                sleep(Duration::from_secs_f64(pause)).await;
            }
            Run { id: item.id.clone(), start, end: clock.now(), llm_calls, ..Run::default() }
        })
    }
}

/// What a sweep and its estimate came to, in GPUs.
struct Found {
    point: f64,
    low: f64,
    high: f64,
    recommended: u64,
    spent: f64,
    levels: Vec<(u32, u64)>,
}

/// Sweeps the rig as `levels: adaptive` does, and estimates.
fn found(scenario: &Scenario) -> Option<Found> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .ok()?;
    let target =
        Target { metric: Metric::WorkflowRuntime, quantile: Quantile::P95, limit: scenario.limit };
    let plan = AdaptivePlan {
        start: 1,
        max: 1024,
        budget: Some(Spend::Seconds(BUDGET * scenario.limit)),
        targets: vec![target],
    };
    let (mut levels, mut observed) = (Vec::new(), BTreeMap::new());
    runtime.block_on(async {
        let agent: Arc<dyn Workflow> = Arc::new(Agent::start(scenario));
        while let Some(next) = next_level(&plan, &levels) {
            let plan = LevelPlan {
                concurrency: next.concurrency,
                items: vec![Item { id: "0".into(), ..Item::default() }],
                warmup: next.concurrency as usize,
                window: Window::Runs(next.runs),
                keep_loaded: true,
                ramp: 0.0,
                pace: Pace::Closed { think: 0.0, sigma: 0.0 },
                seed: scenario.seed,
                tolerated: 0.0,
            };
            let cancel = CancellationToken::new();
            let level = run_level(plan, Arc::clone(&agent), None, &cancel, Arc::new(|_: &Run| {}));
            let recording = level.await.ok()?;
            levels.push(LevelMetrics::of(next.concurrency, &recording, 0.0));
            let Ok(seen) = ObservedLevel::of(next.concurrency, &recording, &recording.around);
            observed.insert(next.concurrency, seen);
        }
        Some(())
    })?;
    let spent = levels.iter().map(|level| level.elapsed).sum::<f64>() / scenario.limit;
    let order = levels.iter().map(|level| (level.concurrency, level.measured)).collect();
    levels.sort_by_key(|level| level.concurrency);
    let options =
        FitOptions { method: MethodName::Monotone, min_r_squared: 0.7, remove_outliers: true };
    let fits = Fits::of(&levels, options);
    let question = Question {
        targets: vec![target],
        loads: vec![Load::Users { users: u64::from(scenario.users), think: 0.0 }],
        rig: Rig {
            gpu_count: Some(scenario.rig_replicas * scenario.gpus_per_replica),
            gpus_per_replica: scenario.gpus_per_replica,
            cost_per_gpu_hour: None,
        },
        margin: Margin::default(),
        certainty: Certainty { confidence: 0.9, resamples: 1000, seed: 0 },
    };
    let (estimates, _) = Evidence::new(&levels, &fits, &observed).answer(&question);
    let gpus = estimates.first()?.gpus?;
    Some(Found {
        point: gpus.point,
        low: gpus.low?,
        high: gpus.high?,
        recommended: gpus.recommended,
        spent,
        levels: order,
    })
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|arg| arg.parse::<u64>().ok());
    let count = numbers.next().unwrap_or(80);
    let first = numbers.next().unwrap_or(1);
    let verbose = std::env::args().any(|arg| arg == "--verbose");
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed) as u64;
                    if index >= count {
                        break;
                    }
                    let scenario = Scenario::random(1000 * (first + index));
                    let Some(replicas) = scenario.truth() else { continue };
                    let truth = replicas * scenario.gpus_per_replica;
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
                    if let Ok(mut results) = results.lock() {
                        results.push((f64::from(truth), found));
                    }
                }
            });
        }
    });
    let results = results.into_inner().unwrap_or_default();
    let share = |holds: &dyn Fn(f64, &Found) -> bool| {
        let held =
            results.iter().filter(|(truth, it)| it.as_ref().is_some_and(|it| holds(*truth, it)));
        100.0 * held.count() as f64 / results.len().max(1) as f64
    };
    let sorted = |of: &dyn Fn(f64, &Found) -> f64| {
        let mut all: Vec<f64> =
            results.iter().filter_map(|(truth, it)| Some(of(*truth, it.as_ref()?))).collect();
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
    println!("median error: {:.1} %", 100.0 * sorted(&|truth, it| (it.point / truth - 1.0).abs()));
    println!(
        "recommended: {:.1} % more than 10 % too low, {:.2} times the truth at the median",
        share(&|truth, it| (it.recommended as f64) < 0.9 * truth - 1e-9),
        sorted(&|truth, it| it.recommended as f64 / truth)
    );
    println!("spent: {:.1} times the target at the median", sorted(&|_, it| it.spent));
}
