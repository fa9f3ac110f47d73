//! The load itself, as the server sees it.

use crate::support::{ANSWER, Scripted, Sizer, respond};
use serde_json::Value;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// When each request began and ended, on the server's clock.
type Log = Arc<Mutex<Vec<(Instant, Instant)>>>;

/// A server that takes `time` for every request; `serially` one after the other.
fn server(time: Duration, serially: bool) -> (Scripted, Log) {
    let log: Log = Arc::default();
    let (entries, queue) = (Arc::clone(&log), Mutex::new(()));
    let server = Scripted::start(move |stream, _| {
        let began = Instant::now();
        {
            let _turn = serially.then(|| queue.lock().unwrap());
            std::thread::sleep(time);
        }
        entries.lock().unwrap().push((began, Instant::now()));
        respond(stream, "200 OK", ANSWER)
    });
    (server, log)
}

fn run(server: &Scripted, concurrency: &str) -> Value {
    let workflow = format!(
        "{{type: openai, base_url: \"http://{}/v1\", model: m, stream: false}}",
        server.address
    );
    let project = Sizer::new().workflow(&workflow, &format!("concurrency: {{{concurrency}}}"));
    project.run(&["run", "spec.yml", "--quiet"]).success();
    project.result()["levels"][0].clone()
}

fn number(level: &Value, key: &str) -> f64 {
    level[key].as_f64().unwrap_or_else(|| panic!("no {key} in {level:#}"))
}

/// The first answers wait until as many requests are there as the level says: then it shows whether all
/// of them ever are, however busy the machine is.
#[test]
fn as_many_runs_are_in_flight_as_the_level_says() {
    for (concurrency, passes, time) in [(1_usize, 12, 20), (64, 6, 100), (1024, 3, 700)] {
        let in_flight = Arc::new((Mutex::new((0_usize, 0_usize)), Condvar::new()));
        let counts = Arc::clone(&in_flight);
        let server = Scripted::start(move |stream, _| {
            let (state, changed) = &*counts;
            let mut state = state.lock().unwrap();
            state.0 += 1;
            state.1 = state.1.max(state.0);
            changed.notify_all();
            let patience = Duration::from_mins(1);
            let waited = changed.wait_timeout_while(state, patience, |it| it.1 < concurrency);
            drop(waited.unwrap());
            std::thread::sleep(Duration::from_millis(time));
            // Before the answer: after it, the next request is on its way.
            counts.0.lock().unwrap().0 -= 1;
            respond(stream, "200 OK", ANSWER)
        });
        let level = run(&server, &format!("levels: [{concurrency}], passes: {passes}"));
        assert_eq!(level["measured"], concurrency * passes);
        let (_, most) = *in_flight.0.lock().unwrap();
        assert_eq!(most, concurrency, "no more and no fewer");
        // Between two runs of a user lies nothing.
        let mean = number(&level, "mean_in_flight");
        assert!(mean > 0.9 * concurrency as f64, "{mean} of {concurrency}");
    }
}

/// Constant arrivals at twice what one server can do (D/D/1): the k-th run waits k × (s − 1/λ).
/// A closed loop of one user never waits.
#[test]
fn an_open_loop_above_capacity_shows_the_queue() {
    let (serial, log) = server(Duration::from_millis(20), true);
    let rate = "rate: {per_second: 100, process: constant}";
    let level = run(&serial, &format!("levels: [1], runs: 60, warmup: 0, {rate}, mode: burst"));
    let log = log.lock().unwrap();
    let first = log.iter().map(|(began, _)| *began).min().unwrap();
    let last = log.iter().map(|(_, ended)| *ended).max().unwrap();
    let service = (last - first).as_secs_f64() / log.len() as f64;
    let runtime = |k: f64| service + k * (service - 0.01);
    // numpy's p95 of 60 values lies at index 56.05; waiting times grow linearly.
    let (expected, p95) = (runtime(56.05), number(&level["workflow_runtime"], "p95"));
    assert!((p95 / expected - 1.0).abs() < 0.15, "p95 {p95} s, in theory {expected} s");
    assert_eq!(log.len(), 60);
    drop(log);
    let (serial, _) = server(Duration::from_millis(20), true);
    let closed = run(&serial, "levels: [1], runs: 60");
    assert!(number(&closed["workflow_runtime"], "p95") < expected / 5.0);
}

#[test]
fn users_who_think_are_not_in_flight() {
    let (server, _) = server(Duration::from_millis(10), false);
    let level = run(&server, "levels: [20], runs: 200, think_time: 190ms");
    // Twenty users, each every 0.2 s at the most. Where they come apart, the window can begin within a
    // pause of most, and gain a run or two of 200 by that.
    assert!(number(&level, "throughput") <= 101.0, "{level:#}");
    let in_flight = number(&level, "mean_in_flight");
    // Each is in flight for its run, of which a busy machine makes a longer one, and then pauses.
    let runtime = number(&level["workflow_runtime"], "mean");
    let most = 20.0 * runtime / (runtime + 0.19);
    assert!((0.3..1.1 * most).contains(&in_flight), "{in_flight} in flight of {most}");
}

#[test]
fn a_window_in_time_ends_by_itself() {
    let (server, log) = server(Duration::from_millis(10), false);
    let level = run(&server, "levels: [2], duration: 300ms, ramp: 20ms, warmup: 2");
    let measured = number(&level, "measured");
    // Two users, each every 10 ms or more, for 0.3 s.
    assert!((2.0..=62.0).contains(&measured), "{measured}");
    assert!(log.lock().unwrap().len() as f64 >= measured + 4.0);
    assert!(number(&level, "total_runtime") >= 0.25);
}

#[test]
fn some_failures_can_be_tolerated() {
    let run = |tolerate: &str| {
        let project = Sizer::new().workflow(
            "{type: simulator, engine: {base: 1ms}, output_tokens: 2, seed: 5, faults: [{kind: http_500, share: 0.1}]}",
            &format!("concurrency: {{levels: [4], runs: 100, on_failure: {tolerate}}}"),
        );
        project.run(&["run", "spec.yml"]).success();
        project.result()["levels"][0].clone()
    };
    let strict = run("stop_level");
    assert_eq!(
        (strict["interrupted"].as_bool(), number(&strict, "failed") >= 1.0),
        (Some(true), true)
    );
    let lenient = run("{tolerate: 40%}");
    assert_eq!(lenient["interrupted"], false, "{lenient:#}");
    assert!(number(&lenient, "failed") >= 1.0 && lenient["measured"] == 100, "{lenient:#}");
}

#[test]
fn a_name_that_leads_nowhere_is_said_so() {
    let workflow = "{type: openai, base_url: \"http://no-such-host.invalid/v1\", model: m}";
    let project = Sizer::new().workflow(workflow, "concurrency: {levels: [1]}");
    project.run(&["run", "spec.yml"]).code(1).stderr("name not found: no-such-host.invalid:80");
}

#[test]
fn mistakes_in_a_load() {
    let of = |concurrency: &str| {
        let project = Sizer::new()
            .workflow("{type: simulator}", &format!("concurrency: {{levels: [1], {concurrency}}}"));
        project.run(&["validate", "spec.yml"]).code(2).stderr
    };
    insta::assert_snapshot!(
        [
            "passes: 2, runs: 5",
            "duration: 0s",
            "rate: 0",
            "rate: 1, think_time: 1s",
            "on_failure: {tolerate: 100%}",
            "on_failure: {tolerate: some}",
            "on_failure: carry_on",
            "mode: steady",
            "until: {p95_within: 10%}, runs: 3",
            "until: {p95_within: 10%, at_most: 50}",
            "max: 10",
        ]
        .map(of)
        .join("\n")
    );
}
