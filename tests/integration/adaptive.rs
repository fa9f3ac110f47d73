//! Levels that follow from the ones before, and what else is asked of a server meanwhile.

use crate::support::{SimulatorProcess, Sizer};
use serde_json::Value;
use sizer::levels::Summary;

/// Eight slots and a queue behind them: the runtime is flat up to 8 and then grows in proportion.
const SERVER: [&str; 4] =
    ["engine.base=4ms", "engine.per_sequence=100us", "engine.max_batch=8", "output_tokens=5"];

fn project(simulator: &SimulatorProcess, concurrency: &str, targets: &str) -> Sizer {
    let workflow =
        format!("{{type: openai, base_url: \"http://{}/v1\", model: m}}", simulator.address);
    let rest = format!(
        "concurrency: {{levels: adaptive, {concurrency}}}\ntest: {{gpu_count: 8}}\ntargets: {{users: 100, {targets}}}"
    );
    Sizer::new().workflow(&workflow, &rest)
}

fn levels(result: &Value) -> Vec<u64> {
    let levels = result["levels"].as_array().unwrap().iter();
    levels.map(|level| level["concurrency"].as_u64().unwrap()).collect()
}

#[test]
fn levels_close_in_on_the_target() {
    let slower = ["engine.base=20ms", "engine.per_sequence=100us", "engine.max_batch=8"];
    let simulator = SimulatorProcess::start(&[&slower[..], &["output_tokens=5"]].concat());
    // 105 ms alone, and 8 more runs in flight add as much: 450 ms are crossed at about 32, on a busy
    // machine somewhat earlier.
    let project = project(&simulator, "max: 256, budget: 600", "workflow_runtime: 450ms");
    project.run(&["run", "spec.yml", "--quiet"]);
    let result = project.result();
    let measured = levels(&result);
    assert!([1, 2, 4, 8, 16].iter().all(|level| measured.contains(level)), "{measured:?}");
    assert!(measured.iter().filter(|level| (9..64).contains(*level)).count() >= 3, "{measured:?}");
    assert!(!measured.contains(&128), "{measured:?}");
    // Each level is an artifact of its own: nothing is asked again.
    let before = simulator.metric("requests_total");
    let plan = project.run(&["plan", "spec.yml"]).success();
    plan.stdout("0 of ");
    let ended = project.run(&["run", "spec.yml"]);
    assert!(ended.stderr.contains("0 stages run"), "{ended:#?}");
    assert_eq!(simulator.metric("requests_total"), before);
    // Another target goes on from the levels that are there.
    let higher = ["run", "spec.yml", "--quiet", "--set", "targets.workflow_runtime=5s"];
    project.run(&higher);
    let further = levels(&project.result());
    assert!(further.contains(&128), "{further:?}");
    assert_eq!(further[..4], [1, 2, 4, 8]);
}

#[test]
fn a_level_that_was_lost_is_the_only_one_measured_again() {
    let simulator = SimulatorProcess::start(&SERVER);
    let project = project(&simulator, "max: 16, budget: 400", "workflow_runtime: 10s");
    // As if it had been stopped after its first level.
    project.run(&["run", "spec.yml", "--quiet", "--until", "sweep@1"]);
    let first = simulator.metric("requests_total");
    assert!(first > 0);
    project.run(&["run", "spec.yml", "--quiet"]);
    let (result, before) = (project.result(), simulator.metric("requests_total"));
    assert_eq!(levels(&result), [1, 2, 4, 8, 16]);
    let runs: u64 =
        result["levels"].as_array().unwrap().iter().map(|it| it["runs"].as_u64().unwrap()).sum();
    assert_eq!(
        (result["levels"][0]["runs"].as_u64(), runs),
        (Some(first), before),
        "each run once"
    );
    let status = project.run(&["status", "spec.yml"]).success();
    assert!(!status.stdout.contains("stale"), "{}", status.stdout);
    project.run(&["run", "spec.yml", "--quiet", "--force", "sweep@8"]);
    let runs = simulator.metric("requests_total") - before;
    let level = &project.result()["levels"][3];
    assert_eq!(level["runs"].as_u64(), Some(runs), "that level alone");
}

#[test]
fn the_server_is_asked_for_its_own_metrics() {
    let simulator = SimulatorProcess::start(&["engine.base=10ms", "output_tokens=10"]);
    let of = |metrics: &str| {
        let workflow =
            format!("{{type: openai, base_url: \"http://{}/v1\", model: m}}", simulator.address);
        let scrape = format!(
            "{{url: \"http://{}/metrics\", every: 20ms, metrics: [{metrics}]}}",
            simulator.address
        );
        let rest = format!("test: {{scrape: {scrape}}}\nconcurrency: {{levels: [4], passes: 5}}");
        let project = Sizer::new().workflow(&workflow, &rest);
        project.run(&["run", "spec.yml", "--quiet"]);
        project.result()
    };
    let result = of("");
    let seen = &result["levels"][0]["scraped"]["sizer_simulator_requests_in_flight"];
    let mean = seen["mean"].as_f64().unwrap_or_else(|| panic!("{result:#}"));
    assert!((3.0..=4.0).contains(&mean) && seen["max"] == 4.0, "{seen:#}");
    assert!(seen["samples"].as_u64().unwrap() >= 5, "{seen:#}");
    let nothing = of("absent_metric");
    let notes = nothing["notes"].to_string();
    assert!(notes.contains("absent_metric"), "{notes}");
}

#[test]
fn a_level_ends_when_its_p95_is_known() {
    // Far longer than a busy machine adds.
    let workflow =
        "{type: simulator, engine: {base: 10ms}, output_tokens: {median: 4, sigma: 0.8}}";
    let project = Sizer::new().workflow(
        workflow,
        "concurrency: {levels: [4], until: {p95_within: 60%, at_most: 3000}}\n\
         targets: {workflow_runtime: 60s}",
    );
    project.run(&["run", "spec.yml", "--quiet"]);
    let level = project.result()["levels"][0].clone();
    let measured = level["measured"].as_u64().unwrap();
    assert!((59..3000).contains(&measured), "{level:#}");
    // Everything met the target.
    assert_eq!(level["goodput"], level["throughput"], "{level:#}");
    // Runs that were in flight when it was known are measured too. How long those take nobody knew then.
    let runs = project.runs("sweep@4");
    let at = |run: &Value, key: &str| run[key].as_f64().unwrap();
    let is = |run: &Value, phase: &str| run["phase"] == phase;
    let after = runs.iter().filter(|run| is(run, "cool_down")).map(|run| at(run, "start"));
    let known = after.fold(f64::INFINITY, f64::min);
    let others = runs.iter().filter(|run| !is(run, "cool_down") && !is(run, "warm_up"));
    let times = others.filter(|run| at(run, "end") <= known);
    let times: Vec<f64> = times.map(|run| at(run, "end") - at(run, "start")).collect();
    let summary = Summary::of(times).unwrap();
    let interval = summary.intervals.p95;
    let width = (interval.high.unwrap() - interval.low.unwrap()) / summary.p95;
    // One or two more may have ended before the next began.
    assert!(width < 0.8, "{width}: {level:#}");
}

#[test]
fn a_dataset_that_is_gone_is_missed_only_where_it_is_needed() {
    let project = Sizer::new().workflow(
        "{type: simulator}",
        "concurrency: {levels: adaptive, max: 4, budget: 20}\ntargets: {workflow_runtime: 60s}",
    );
    project.run(&["run", "spec.yml", "--quiet"]);
    let lock = project.read("sizer.lock");
    std::fs::write(project.path("before.lock"), lock).unwrap();
    std::fs::remove_file(project.path("questions.jsonl")).unwrap();
    for verb in ["graph", "plan", "status", "run"] {
        project.run(&[verb, "spec.yml"]).code(2).stderr("questions.jsonl");
    }
    project.run(&["history", "spec.yml"]).success().stdout("| run ");
    project.run(&["gc", "spec.yml", "--dry-run"]).success();
    project.run(&["diff", "spec.yml", "before.lock"]).success().stdout("the same runs");
}
