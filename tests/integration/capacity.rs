//! Estimates against simulated clusters, whose answer is found by simulating them whole.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Exp, LogNormal};
use sizer::estimates::{Assessment, Plan};
use sizer::internal::{Cluster, Sequence, quantile_of_sorted};
use sizer::kinds::Engine;
use sizer::runs::{Gaps, Phase};
use sizer::sections::Seconds;
use sizer::{
    Certainty, FitOptions, LlmCall, Load, Margin, MeasuredSweep, Metric, Quantile, Question,
    Recording, Rig, Run, Target,
};
use std::collections::BTreeMap;

/// What asks the cluster.
#[derive(Clone, Copy)]
enum Source {
    Users { users: u32, think: f64 },
    Arrivals { per_second: f64 },
}

fn engine(replicas: u32) -> Engine {
    let seconds = |value| Seconds::new(value).unwrap();
    Engine {
        replicas,
        max_batch: 24,
        base: seconds(0.02),
        per_sequence: seconds(0.002),
        per_prefill_token: seconds(0.0001),
        jitter: 0.0,
    }
}

fn exponential(rng: &mut Xoshiro256PlusPlus, mean: f64) -> f64 {
    if mean > 0.0 { Exp::new(1.0 / mean).unwrap().sample(rng) } else { 0.0 }
}

/// Plays `count` runs of one LLM call each, after some to warm up; in virtual time.
fn play(replicas: u32, source: Source, count: usize, seed: u64) -> Vec<Run> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let lengths = LogNormal::new(60_f64.ln(), 0.5).unwrap();
    let mut cluster = Cluster::new(&engine(replicas), seed);
    let warm_up = count / 4;
    let mut due: Vec<f64> = match source {
        Source::Users { users, think } => {
            (0..users).map(|_| exponential(&mut rng, think)).collect()
        }
        Source::Arrivals { per_second } => vec![exponential(&mut rng, 1.0 / per_second)],
    };
    let mut open: BTreeMap<u64, (f64, Option<f64>, u32)> = BTreeMap::new();
    let (mut runs, mut begun) = (Vec::new(), 0);
    while runs.len() < warm_up + count {
        due.sort_by(|a, b| b.total_cmp(a));
        let next = due.last().copied().unwrap_or(f64::INFINITY);
        let step = cluster.next_step_end().unwrap_or(f64::INFINITY);
        let mut ended = Vec::new();
        cluster.advance(next.min(step), |token| {
            let run = open.get_mut(&token.id).unwrap();
            run.1.get_or_insert(token.at);
            run.2 += 1;
            if token.last {
                ended.push((token.id, token.at));
            }
        });
        for (id, end) in ended {
            let (start, first, tokens) = open.remove(&id).unwrap();
            let gap = (end - first.unwrap()) / f64::from(tokens.max(2) - 1);
            let call = LlmCall {
                start,
                end,
                ttft: first.map(|at| at - start),
                itl: (tokens > 1).then_some(Gaps { mean: gap, p95: Some(gap), max: Some(gap) }),
                ..LlmCall::default()
            };
            runs.push(Run {
                start,
                end,
                llm_calls: vec![call],
                phase: if runs.len() < warm_up { Phase::WarmUp } else { Phase::Measured },
                ..Run::default()
            });
            if let Source::Users { think, .. } = source {
                due.push(end + exponential(&mut rng, think));
            }
        }
        if next <= step {
            due.pop();
            if let Source::Arrivals { per_second } = source {
                due.push(next + exponential(&mut rng, 1.0 / per_second));
            }
            let length = lengths.sample(&mut rng).round().clamp(1.0, 1000.0);
            let output_tokens = length.to_string().parse().unwrap();
            let prompt_tokens = rng.random_range(50..400);
            open.insert(begun, (next, None, 0));
            cluster.submit(next, Sequence { id: begun, prompt_tokens, output_tokens });
            begun += 1;
        }
    }
    runs.sort_by(|a, b| a.start.total_cmp(&b.start));
    runs
}

fn p95(runs: &[Run], of: impl Fn(&Run) -> Option<f64>) -> f64 {
    let measured = runs.iter().filter(|run| run.phase == Phase::Measured);
    let mut times: Vec<f64> = measured.filter_map(of).collect();
    times.sort_by(f64::total_cmp);
    quantile_of_sorted(&times, 0.95).unwrap()
}

/// What a closed-loop sweep of one replica says.
fn estimate(target: Target, loads: Vec<Load>) -> Assessment {
    let mut measured = MeasuredSweep::default();
    for concurrency in [1, 2, 4, 8, 16, 24, 32, 48] {
        let source = Source::Users { users: concurrency, think: 0.0 };
        let runs = play(1, source, 400, u64::from(concurrency));
        let recording = Recording { runs, ..Recording::default() };
        measured.add(concurrency, &recording, 0.0);
    }
    let question = Question {
        targets: vec![target],
        loads,
        rig: Rig { gpu_count: Some(1), gpus_per_replica: 1, cost_per_gpu_hour: None },
        margin: Margin::default(),
        certainty: Certainty { confidence: 0.9, resamples: 500, seed: 1 },
        counts_users: false,
        plan: Plan::default(),
    };
    let fits = measured.fits(FitOptions::default());
    measured.prepare(&fits, false).assess(&question)
}

/// The fewest replicas that meet a limit.
fn truth(source: Source, limit: f64, of: impl Fn(&Run) -> Option<f64> + Copy) -> u32 {
    let enough = |replicas: &u32| p95(&play(*replicas, source, 6000, 99), of) <= limit;
    (1..60).find(enough).unwrap()
}

fn agrees(estimated: f64, true_count: u32) -> bool {
    let off = (estimated - f64::from(true_count)).abs();
    off <= 1.0 || off <= 0.1 * f64::from(true_count)
}

const RUNTIME: Target =
    Target { metric: Metric::WorkflowRuntime, quantile: Quantile::P95, limit: 9.0 };

#[test]
fn runs_that_arrive_need_what_simulating_them_says() {
    for per_second in [9.0, 30.0] {
        let found = estimate(RUNTIME, vec![Load::Rate { per_second }]);
        let gpus = found.estimates[0].answer.gpus().unwrap();
        let truth =
            truth(Source::Arrivals { per_second }, RUNTIME.limit, |run| Some(run.runtime()));
        assert!(agrees(gpus.point.unwrap(), truth), "{per_second}/s: {gpus:?}, in truth {truth}");
        assert!(gpus.recommended.unwrap() >= u64::from(truth), "{gpus:?}, in truth {truth}");
    }
}

#[test]
fn users_that_think_need_what_simulating_them_says() {
    for users in [150, 400] {
        let think = 20.0;
        let found = estimate(RUNTIME, vec![Load::Users { users: users.into(), think }]);
        let gpus = found.estimates[0].answer.gpus().unwrap();
        let source = Source::Users { users, think };
        let truth = truth(source, RUNTIME.limit, |run| Some(run.runtime()));
        assert!(agrees(gpus.point.unwrap(), truth), "{users}: {gpus:?}, in truth {truth}");
    }
}

#[test]
fn first_tokens_and_gaps_have_targets_of_their_own() {
    let concurrent = |users: u32| Source::Users { users, think: 0.0 };
    let load = Load::Users { users: 150, think: 0.0 };
    let of = |metric| {
        move |run: &Run| match metric {
            Metric::Ttft => run.llm_calls[0].ttft,
            _ => Some(run.llm_calls[0].itl?.mean),
        }
    };
    for (metric, limit) in [(Metric::Ttft, 2.0), (Metric::Itl, 0.055)] {
        let found = estimate(Target { metric, quantile: Quantile::P95, limit }, vec![load]);
        let gpus = found.estimates[0].answer.gpus().unwrap();
        let truth = truth(concurrent(150), limit, of(metric));
        assert!(agrees(gpus.point.unwrap(), truth), "{metric}: {gpus:?}, in truth {truth}");
    }
}

#[test]
fn the_larger_need_decides_and_each_form_is_checked_against_the_other() {
    let (few, many) = (Load::Users { users: 10, think: 0.0 }, Load::Rate { per_second: 30.0 });
    let found = estimate(RUNTIME, vec![few, many]);
    let [users, rate] = found.estimates.as_slice() else { panic!("{:?}", found.estimates) };
    assert_eq!(found.gpus.recommended, rate.answer.gpus().and_then(|gpus| gpus.recommended));
    // Concurrent users always load the rig as much; arrivals at the same rate come in clusters.
    let arrivals = users.answer.cross_check().unwrap();
    assert!(
        arrivals.request_rate.unwrap() > 1.0
            && arrivals.gpus >= users.answer.gpus().unwrap().point.unwrap()
    );
    let concurrent = rate.answer.cross_check().unwrap();
    let (at_once, per_rig) =
        (concurrent.concurrent.unwrap(), rate.answer.capacity().unwrap().point.unwrap());
    assert!((concurrent.gpus - (at_once / per_rig).ceil()).abs() < 1e-9, "{rate:?}");
    assert!(concurrent.gpus <= rate.answer.gpus().unwrap().point.unwrap());
}
