//! Servers that take no more than so many runs: what they take, they carry, and no level above tells more.

use crate::answers::{ONE_GPU, answer, capacity, doubts, sweep};
use serde_json::Value;
use std::fmt::Write as _;

/// Levels that take 1 s at any load, and others of which each run fails.
fn taken(levels: &[u32], failing: &[u32], error: &str) -> String {
    let mut runs = sweep(levels, |_| 1.0);
    for level in failing {
        for run in 0..40 {
            let start = f64::from(run) * 0.01;
            let _ = writeln!(runs, "{level},{start:.3},{:.3},measured,{error}", start + 0.005);
        }
    }
    runs
}

fn of(runs: &str, load: &str) -> Value {
    answer(runs, &format!("{load}, workflow_runtime: 3s"), ONE_GPU)
}

#[test]
fn levels_beside_each_other_settle_what_a_server_takes() {
    let errors =
        ["HTTP 429 Too Many Requests", "HTTP 503 Service Unavailable", "connection refused"];
    for error in errors {
        let found = of(&taken(&[1, 2, 4, 8, 16, 20], &[21, 24], error), "users: 1000");
        assert_eq!(found["gpus"]["recommended"], 50, "{error}: {found:#}");
        assert_eq!((capacity(&found, "low"), capacity(&found, "high")), (20.0, 20.0), "{found:#}");
        let told = doubts(&found);
        assert!(told.contains("refused runs at concurrency 21, and accepted all at 20"), "{told}");
        assert!(!told.contains("contradicts"), "{told}");
        assert_eq!(found["estimates"][0]["add"], serde_json::json!([]), "{found:#}");
    }
}

#[test]
fn no_level_is_wanted_above_one_that_was_refused() {
    let found = of(&taken(&[1, 2, 4], &[8, 16], "HTTP 429 Too Many Requests"), "users: 1000");
    let add: Vec<u64> = serde_json::from_value(found["estimates"][0]["add"].clone()).unwrap();
    assert!(!add.is_empty() && add.iter().all(|level| (5..8).contains(level)), "{found:#}");
    assert!(capacity(&found, "low") >= 4.0 && capacity(&found, "high") <= 7.0, "{found:#}");
    assert!(!doubts(&found).contains("above all measured levels"), "{found:#}");
}

#[test]
fn arrivals_beyond_what_a_server_takes_are_not_served() {
    // 20 in flight at most: of 15 on average, arriving at random, one in eight would meet 20 others.
    let found =
        of(&taken(&[1, 2, 4, 8, 16, 20], &[21], "HTTP 429 Too Many Requests"), "request_rate: 150");
    // Erlang's C formula for groups of 20 servers that share all arrivals: 150 busy on average.
    let gpus = found["gpus"]["recommended"].as_f64().unwrap();
    assert!((8.0..=10.0).contains(&gpus), "{found:#}");
}

#[test]
fn levels_that_failed_for_another_reason_are_named() {
    let found = of(&taken(&[1, 2, 4], &[5, 6], "it broke"), "users: 1000");
    let told = doubts(&found);
    assert!(!told.contains("no level above 4 was measured"), "{told}");
    assert!(told.contains("runs failed at concurrency 5, 6"), "{told}");
    assert!(capacity(&found, "low") >= 4.0 && capacity(&found, "high") <= 5.0, "{found:#}");
    assert_eq!(found["estimates"][0]["grade"], "weak");
    // Too few failures to prove anything by themselves.
    let mut runs = sweep(&[1, 2, 4], |_| 1.0);
    runs.push_str("8,0,0.5,measured,it broke\n");
    let told = doubts(&of(&runs, "users: 1000"));
    assert!(told.contains("at every level above 4, from 8 on, runs failed"), "{told}");
}
