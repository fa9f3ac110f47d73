//! Other targets from the levels that are there.

use crate::support::Sizer;
use serde_json::Value;
use std::fmt::Write;

/// Runs of `0.5 s + 0.25 s × concurrency`, a tenth more or less in turns, in sustained levels.
fn runs() -> String {
    let mut lines = String::new();
    for concurrency in [1_u32, 2, 4, 8, 16] {
        let seconds = 0.5 + 0.25 * f64::from(concurrency);
        for index in 0..20 * concurrency {
            let start = f64::from(index / concurrency) * seconds;
            let end = start + seconds * if index % 2 == 0 { 0.9 } else { 1.1 };
            let _ = writeln!(
                lines,
                "{{\"concurrency\": {concurrency}, \"id\": {index}, \"start\": {start}, \"end\": {end}}}"
            );
        }
    }
    lines
}

fn project(rest: &str) -> Sizer {
    Sizer::new().file("runs.jsonl", &runs()).spec(&format!(
        "version: 1\nname: grid\nworkflow: {{type: recorded, path: runs.jsonl}}\n{rest}\n"
    ))
}

const LINE: &str = "test: {gpu_count: 2, gpus_per_replica: 2, cost_per_gpu_hour: 3}
estimate: {method: linear}
targets: {users: 10, workflow_runtime: 4s}";

fn cases(project: &Sizer, args: &[&str]) -> Vec<Value> {
    let args: Vec<&str> =
        ["what-if", "spec.yml", "--format", "json"].iter().chain(args).copied().collect();
    let found: Value = serde_json::from_str(&project.run(&args).success().stdout).unwrap();
    found["cases"].as_array().unwrap().clone()
}

#[test]
fn a_grid_is_what_single_estimates_are() {
    let project = project(
        "test: {gpu_count: 2, gpus_per_replica: 2, cost_per_gpu_hour: 3}\ntargets: {users: 10, workflow_runtime: 4s}",
    );
    project.run(&["run", "spec.yml"]).success();
    let grid = cases(&project, &["--users", "7,100", "--workflow-runtime", "2s,4.5s"]);
    let asked: Vec<(u64, f64)> = grid
        .iter()
        .map(|case| {
            (case["users"].as_u64().unwrap(), case["limits"][0]["seconds"].as_f64().unwrap())
        })
        .collect();
    assert_eq!(asked, [(7, 2.0), (7, 4.5), (100, 2.0), (100, 4.5)]);
    for case in &grid {
        let (users, seconds) = (&case["users"], &case["limits"][0]["seconds"]);
        let (users, limit) =
            (format!("targets.users={users}"), format!("targets.workflow_runtime={seconds}"));
        let args = ["estimate", "spec.yml", "--format", "json", "--set", &users, "--set", &limit];
        let alone: Value = serde_json::from_str(&project.run(&args).success().stdout).unwrap();
        assert_eq!(case["gpus"], alone["estimates"][0]["gpus"]);
        assert_eq!(case["cost_per_hour"], alone["gpus"]["cost_per_hour"]);
    }
}

#[test]
fn a_limit_on_one_quantile_leaves_those_on_others() {
    let both = "test: {gpu_count: 2}\ntargets: {users: 10, workflow_runtime: {p50: 1.5s, p95: 4s}}";
    let project = project(both);
    project.run(&["run", "spec.yml"]).success();
    let [of_spec, same, looser] = [&[][..], &["4s"], &["6s"]].map(|limit| {
        let args = [&["--workflow-runtime"][..limit.len()], limit].concat();
        let found = cases(&project, &args);
        (found[0]["gpus"]["point"].as_f64().unwrap(), found[0]["decided_by"].clone())
    });
    // The p50 of 1.5 s decides in each.
    assert_eq!(of_spec, same);
    assert_eq!(of_spec, looser);
}

#[test]
fn users_that_think_and_arrivals_by_littles_law() {
    let project = project(&format!("{LINE}\noutputs: {{reports: [summary.md]}}"));
    project.run(&["run", "spec.yml"]).success();
    // (4 − 0.5) / 0.25 × (p95 is 1.1 of the mean) runs in flight, a third of which is on its way.
    let [rate] = cases(&project, &["--request-rate", "20"]).try_into().unwrap();
    let capacity = (4.0 / 1.1 - 0.5) / 0.25;
    let expected = 20.0 * (0.5 + 0.25 * capacity) / capacity * 2.0;
    let point = rate["gpus"]["point"].as_f64().unwrap();
    assert!((point - expected).abs() < 0.05 * expected, "{rate} against {expected}");
    let thinking = project.run(&[
        "estimate",
        "spec.yml",
        "--format",
        "json",
        "--set",
        "targets.users=1000",
        "--set",
        "targets.think_time=60s",
    ]);
    let thinking: Value = serde_json::from_str(&thinking.success().stdout).unwrap();
    let mean = 0.5 + 0.25 * capacity;
    let expected = 1000.0 * mean / (mean + 60.0) / capacity * 2.0;
    let estimate = &thinking["estimates"][0];
    let point = estimate["gpus"]["point"].as_f64().unwrap();
    assert!((point - expected).abs() < 0.05 * expected, "{estimate} against {expected}");
    let rate = estimate["cross_check"]["request_rate"].as_f64().unwrap();
    assert!((rate - 1000.0 / (mean + 60.0)).abs() < 0.05 * rate, "{rate}");
}

#[test]
fn branches_are_compared_case_by_case() {
    let project = project(&format!("{LINE}\nmatrix: {{test.cost_per_gpu_hour: [3, 2]}}"));
    project.run(&["run", "spec.yml"]).success();
    let csv = project.run(&["what-if", "spec.yml", "--users", "5,50", "--format", "csv"]);
    let csv = csv.success().stdout;
    let rows: Vec<&str> = csv.lines().collect();
    assert!(
        rows[0].starts_with(
            "branch,name,users,think_time_s,request_rate_per_s,workflow_runtime_p95_s"
        )
    );
    assert_eq!(rows.len(), 5);
    let cheapest = |row: &&&str| row.contains(",true,");
    assert!(rows.iter().filter(cheapest).all(|row| row.starts_with("2,")), "{csv}");
    assert_eq!(rows.iter().filter(cheapest).count(), 2);
    project
        .run(&["what-if", "spec.yml", "--users", "5,50", "--workflow-runtime", "2s,100ms"])
        .success()
        .stdout("the cheapest branch")
        .stdout("none: ");
}

#[test]
fn several_sets_of_targets_are_answered_beside_each_other() {
    let rest = "test: {gpu_count: 2, cost_per_gpu_hour: 3}
targets:
  - {users: 10, workflow_runtime: 4s}
  - {name: next year, users: 100, workflow_runtime: 4s}
  - {request_rate: 30, workflow_runtime: 4s}
outputs: {reports: [summary.md, result.json]}";
    let project = project(rest);
    project.run(&["run", "spec.yml"]).success().stdout("=== next year ===");
    let result = project.result();
    let names: Vec<&str> = result["alternatives"]
        .as_array()
        .unwrap()
        .iter()
        .map(|set| set["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["next year", "set 3"]);
    assert!(project.read("out/summary.md").contains("### next year"));
    let sets = cases(&project, &[]);
    assert_eq!(sets.len(), 3);
    assert_eq!(sets[0]["gpus"]["recommended"], result["gpus"]["recommended"]);
    assert_eq!(sets[1]["gpus"]["recommended"], result["alternatives"][0]["gpus"]["recommended"]);
    // Mistakes are found in the set that has them.
    let wrong = project.run(&["validate", "spec.yml", "--set", "targets.1.users=0"]);
    wrong.code(2).stderr("targets.1.users");
}

#[test]
fn an_unsettled_answer_is_none() {
    let all = project(LINE);
    all.run(&["what-if", "spec.yml", "--users", "5,10", "--strict"]).success();
    let runs = runs();
    let low = ["1,", "2,", "4,"].map(|level| format!("\"concurrency\": {level}"));
    let low = runs.lines().filter(|line| low.iter().any(|level| line.contains(level)));
    let low = low.collect::<Vec<_>>().join("\n");
    let project = project(&LINE.replace("linear", "monotone")).file("runs.jsonl", &low);
    project.run(&["run", "spec.yml"]).success().stdout("unsettled");
    let args = ["what-if", "spec.yml", "--workflow-runtime"];
    project.run(&[&args[..], &["4s"]].concat()).code(1).stdout("unsettled");
    // One of two is settled.
    let both = [&args[..], &["1s,4s"]].concat();
    project.run(&both).success();
    project.run(&[&both[..], &["--strict"]].concat()).code(1);
}

#[test]
fn what_was_not_measured_is_not_answered() {
    let project = project(LINE);
    project.run(&["what-if", "spec.yml", "--users", "5,0"]).code(2).stderr("0 is not in");
    project.run(&["what-if", "spec.yml", "--workflow-runtime", "0s"]).code(2);
    project.run(&["what-if", "spec.yml", "--request-rate", "-1"]).code(2);
    let users = project.run(&[
        "what-if",
        "spec.yml",
        "--request-rate",
        "1",
        "--set",
        "concurrency.think_time=1s",
    ]);
    users.code(2);
    let live = Sizer::new().workflow(
        "{type: openai, base_url: 'http://127.0.0.1:1/v1', model: m}",
        &format!("{LINE}\nconcurrency: {{levels: [1, 2]}}"),
    );
    live.run(&["what-if", "spec.yml", "--users", "5"]).code(1).stderr("sweep@1 is not in the store (never ran): nothing is measured here; an online `sizer run` does that");
}

#[test]
fn reports_say_in_words_what_the_levels_show() {
    let project = project("test: {gpu_count: 2}\ntargets: {users: 1000, workflow_runtime: 4s}");
    let said = project.run(&["run", "spec.yml"]).success().stdout;
    for part in [
        "inside the measured range (between 8 and 16)",
        "Assumption: further replicas are like the 2 measured",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // What is left of the interval is the model's own error, which no number of runs makes less.
    assert!(!said.contains("halve the interval"), "{said}");
    let beyond = project.run(&["estimate", "spec.yml", "--set", "targets.workflow_runtime=9s"]);
    beyond
        .success()
        .stdout("above all measured levels (the highest is 16)")
        .stdout("record runs at concurrency 32 and 39 as well");
    let hopeless =
        project.run(&["estimate", "spec.yml", "--set", "targets.workflow_runtime=100ms"]);
    hopeless.code(3).stdout("It takes a faster model");
}
