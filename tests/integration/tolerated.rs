//! Runs that fail, though that is tolerated, or are not in the recording at all: neither makes an answer better.

use crate::answers::{HEADER, answer, capacity, doubts, sweep};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, LogNormal};
use serde_json::Value;
use std::fmt::Write as _;

fn grade(found: &Value) -> &str {
    found["estimates"][0]["grade"].as_str().unwrap()
}

/// Levels whose time grows with the load, of which a share of the runs fails at random.
fn failing(share: f64) -> String {
    let (mut lengths, mut failures) =
        (Xoshiro256PlusPlus::seed_from_u64(11), Xoshiro256PlusPlus::seed_from_u64(12));
    let length = LogNormal::new(0.0, 0.3).unwrap();
    let mut text = HEADER.to_owned();
    for level in [1_u32, 2, 4, 8, 12, 16, 24, 32] {
        for _ in 0..level {
            let mut now = 0.0;
            for _ in 0..160 / level + 8 {
                let begun = now;
                now += length.sample(&mut lengths) * (0.5 + 0.1 * f64::from(level));
                let error = if failures.random_bool(share) { "it broke" } else { "" };
                let _ = writeln!(text, "{level},{begun:.4},{now:.4},measured,{error}");
            }
        }
    }
    text
}

fn of(runs: &str, tolerate: &str) -> Value {
    let more =
        format!("test: {{gpu_count: 1}}\nconcurrency: {{on_failure: {{tolerate: {tolerate}}}}}");
    answer(runs, "users: 1000, workflow_runtime: 2s", &more)
}

#[test]
fn more_failures_than_may_miss_a_limit_are_no_sure_answer() {
    for (share, tolerate) in [(0.6, "80%"), (0.1, "20%")] {
        let found = of(&failing(share), tolerate);
        assert!(["weak", "unsettled"].contains(&grade(&found)), "{found:#}");
        assert!(doubts(&found).contains("% of the runs around the answer failed"), "{found:#}");
        assert_eq!(found["estimates"][0]["proven"]["at_least"], Value::Null, "{found:#}");
    }
}

#[test]
fn the_interval_reaches_to_what_is_carried_if_failures_miss_the_limit() {
    let none = of(&failing(0.0), "5%");
    let some = of(&failing(0.03), "8%");
    assert!(doubts(&some).contains("as_over_limit"), "{some:#}");
    assert!(!doubts(&none).contains("as_over_limit"), "{none:#}");
    assert!(capacity(&some, "low") < capacity(&none, "low"), "{some:#}");
    let enough = |found: &Value| found["gpus"]["recommended"].as_f64().unwrap();
    assert!(enough(&some) > enough(&none), "{some:#}");
}

#[test]
fn levels_with_tolerated_failures_are_marked_and_say_what_failed() {
    let runs = failing(0.03);
    let spec = "version: 1\nname: test\nworkflow: {type: recorded, path: runs.csv}\n\
                targets: {users: 1000, workflow_runtime: 2s}\ntest: {gpu_count: 1}\n\
                concurrency: {on_failure: {tolerate: 8%}}\n";
    let project = crate::support::Sizer::new().file("runs.csv", &runs).spec(spec);
    let ended = project.run(&["run", "spec.yml"]).success();
    ended.stdout("Alerts: !F = runs failed, no more than are tolerated").stdout("it broke");
    assert!(project.read("out/summary.md").contains("`!F`: runs failed"));
}

#[test]
fn refusals_that_are_tolerated_are_no_load_that_was_taken() {
    let mut runs = sweep(&[1, 2, 4, 8], |_| 1.0);
    for (level, refused) in [(12_u32, 2_u32), (16, 40)] {
        for run in 0..60 {
            let start = f64::from(run / level) * 1.1;
            let error = if run % 60 < refused { "HTTP 429 Too Many Requests" } else { "" };
            let _ = writeln!(runs, "{level},{start:.3},{:.3},measured,{error}", start + 1.0);
        }
    }
    let found = of(&runs, "10%");
    assert!(!doubts(&found).contains("accepted all at 12"), "{found:#}");
    assert!(capacity(&found, "low") <= 8.0, "{found:#}");
}

#[test]
fn recordings_that_lack_the_runs_that_were_unfinished_are_not_sure() {
    const END: f64 = 5.0;
    let length = LogNormal::new(0.0, 0.5).unwrap();
    let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
    let (mut whole, mut cut) = (HEADER.to_owned(), HEADER.to_owned());
    for level in [1_u32, 2, 4, 8, 12, 16, 24, 32, 48] {
        for _ in 0..level {
            let mut now = 0.0;
            while now < END {
                let begun = now;
                now += length.sample(&mut random) * (0.6 + f64::from(level) / 60.0);
                let line = format!("{level},{begun:.4},{now:.4},measured,\n");
                whole.push_str(&line);
                if now <= END {
                    cut.push_str(&line);
                }
            }
        }
    }
    assert!(!doubts(&of(&whole, "1%")).contains("are missing"), "{:#}", of(&whole, "1%"));
    let found = of(&cut, "1%");
    assert!(
        doubts(&found).contains("are missing, so slow runs are under-represented"),
        "{found:#}"
    );
    assert!(["weak", "unsettled"].contains(&grade(&found)), "{found:#}");
}

#[test]
fn of_two_intervals_the_surer_one_holds_the_other() {
    let runs = include_str!("../data/answers/one-level-bends-the-rest.csv");
    let ends: Vec<(f64, f64)> = [0.5, 0.7, 0.8, 0.9, 0.99]
        .map(|confidence| {
            let more = format!("test: {{gpu_count: 1}}\nestimate: {{confidence: {confidence}}}");
            let found = answer(runs, "users: 50, workflow_runtime: 2s", &more);
            (capacity(&found, "low"), capacity(&found, "high"))
        })
        .to_vec();
    for pair in ends.windows(2) {
        assert!(pair[1].0 <= pair[0].0 + 1e-9 && pair[1].1 >= pair[0].1 - 1e-9, "{ends:?}");
    }
}
