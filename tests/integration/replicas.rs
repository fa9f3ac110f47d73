//! Rigs of several replicas, and runs that have one of their own.

use crate::answers::{HEADER, answer, capacity, doubts, point, sweep};
use serde_json::Value;
use std::fmt::Write as _;

/// Alone a run takes so many seconds, a thousandth more or less in turns.
const LENGTH: f64 = 2.1;

/// So many servers that each take one run at a time, in the order of arrival; users who wait for their own run.
fn queued(levels: &[u32], servers: usize) -> String {
    let mut text = HEADER.to_owned();
    for &users in levels {
        let mut free = vec![0.0_f64; servers];
        let mut ready: Vec<(f64, u32)> =
            (0..users).map(|user| (f64::from(user) * 1e-3, 0)).collect();
        let mut index = 0;
        while let Some(next) = (0..ready.len()).min_by(|a, b| ready[*a].0.total_cmp(&ready[*b].0)) {
            let (asked, wave) = ready[next];
            let server = (0..servers).min_by(|a, b| free[*a].total_cmp(&free[*b])).unwrap();
            index += 1;
            let by = if index % 2 == 0 { 0.999 } else { 1.001 };
            let end = asked.max(free[server]) + LENGTH * by;
            free[server] = end;
            let phase = if wave == 0 { "warm_up" } else { "measured" };
            let _ = writeln!(text, "{users},{asked:.4},{end:.4},{phase},");
            ready.remove(next);
            if wave < 10 {
                ready.push((end, wave + 1));
            }
        }
    }
    text
}

fn of(runs: &str, load: &str, test: &str) -> Value {
    answer(runs, &format!("{load}, workflow_runtime: 3.4s"), &format!("test: {{{test}}}"))
}

#[test]
fn runs_of_one_length_that_each_have_a_replica_keep_the_limit() {
    let runs = queued(&[1, 4, 5, 8], 4);
    for load in ["users: 100", "users: 8", "request_rate: 3.8"] {
        let found = of(&runs, load, "gpu_count: 4");
        assert!(!doubts(&found).contains("no number of GPUs"), "{found:#}");
        assert_eq!(found["estimates"][0]["reason"], Value::Null, "{found:#}");
        assert!((capacity(&found, "low") - 4.0).abs() < 1e-9, "{found:#}");
    }
    assert!(point(&of(&runs, "users: 100", "gpu_count: 4")) <= 100.0);
    // A limit below what a run takes alone is out of reach, and one close to it may be.
    let close = answer(&runs, "users: 8, workflow_runtime: 2.1s", "test: {gpu_count: 4}");
    assert_eq!(close["gpus"]["recommended"], Value::Null, "{close:#}");
}

#[test]
fn arrivals_and_users_of_one_length_are_told_apart() {
    // Eight in flight on average: as users they need a replica each, arriving at random more. Of ten replicas
    // 3 % of the arrivals wait for longer than 1.3 s (a simulation of that queue), of nine 19 %.
    let runs = queued(&[1, 2, 4, 6, 8, 10, 12, 16], 8);
    let rate = of(&runs, "request_rate: 3.8", "gpu_count: 8");
    assert!((10.0..=12.0).contains(&point(&rate)), "{rate:#}");
    assert!(doubts(&rate).contains("about 8 runs are then in flight"), "{rate:#}");
    let users = of(&runs, "users: 8", "gpu_count: 8");
    assert!((7.0..=8.0).contains(&point(&users)), "{users:#}");
    assert_eq!(users["gpus"]["recommended"], 8, "{users:#}");
}

#[test]
fn a_rig_that_carries_less_than_its_replicas_is_asked_about_them() {
    // Eight GPUs serve one copy of the model, whose time grows from three runs on.
    let runs = sweep(&[1, 2, 4, 6, 8, 16], |c| LENGTH * (f64::from(c) / 3.0).max(1.0));
    for load in ["users: 100", "request_rate: 3.8"] {
        let found = of(&runs, load, "gpu_count: 8");
        assert_eq!(found["gpus"]["grade"], "unsettled", "{found:#}");
        assert_eq!(found["gpus"]["recommended"], Value::Null, "{found:#}");
        assert!(doubts(&found).contains("set `test.gpus_per_replica` to that number"), "{found:#}");
        assert!(!doubts(&found).contains("no number of GPUs"), "{found:#}");
        let least = found["gpus"]["at_least"].as_f64().unwrap();
        let right = of(&runs, load, "gpu_count: 8, gpus_per_replica: 8");
        assert!(least <= point(&right), "{found:#} {right:#}");
        assert!(!doubts(&right).contains("gpus_per_replica"), "{right:#}");
    }
}
