//! A spec for every combination.

use crate::support::{SimulatorProcess, Sizer};
use serde_json::Value;

const REST: &str = "concurrency: {levels: [1, 2], passes: 2}
targets: {users: 100, workflow_runtime: 5s}
test: {gpu_count: 8}
outputs: {reports: [summary.md, result.json]}";

fn project(simulator: &SimulatorProcess, matrix: &str) -> Sizer {
    let address = simulator.address;
    let workflow = format!("{{type: openai, base_url: \"http://{address}/v1\", model: m}}");
    Sizer::new().workflow(&workflow, &format!("{REST}\nmatrix:\n{matrix}"))
}

const HARDWARE: &str = "  hardware:
    big: {test.gpu_count: 8, test.gpus_per_replica: 8, test.cost_per_gpu_hour: 4}
    small: {test.gpu_count: 2, test.gpus_per_replica: 1, test.cost_per_gpu_hour: 1.5}
";

#[test]
fn branches_that_differ_after_the_sweep_are_measured_once() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator, HARDWARE);
    project
        .run(&["plan", "spec.yml"])
        .success()
        .stdout("expand[small]              run     shared with [big]");
    let ended = project.run(&["run", "spec.yml"]).success();
    // expand, two sweeps and levels, the fit; then estimate and two reports for each.
    ended.stderr("12 stages run, 6 cached").stdout("Cheapest that meets every target: **small**");
    assert_eq!(simulator.metric("requests_total"), 6);

    let comparison: Value = serde_json::from_str(&project.read("out/comparison.json")).unwrap();
    let branches = comparison["branches"].as_array().unwrap();
    assert_eq!(comparison["cheapest"], "small");
    for (branch, price) in branches.iter().zip([4.0, 1.5]) {
        let gpus = branch["gpus"].as_f64().unwrap();
        assert!((branch["cost_per_hour"].as_f64().unwrap() - gpus * price).abs() < 1e-9);
    }
    // The same capacity on a quarter of the GPUs.
    assert_eq!(branches[0]["capacity"], branches[1]["capacity"]);
    assert!(project.read("out/comparison.md").contains("| small "));
    assert!(project.read("out/big/summary.md").contains("# test [big]"));
    assert_eq!(
        project.run(&["run", "spec.yml"]).success().stderr.split(';').next(),
        Some("0 stages run, 18 cached")
    );
    project.run(&["status", "spec.yml"]).success().stdout("18 of 18 stages are current");
}

#[test]
fn every_combination_is_a_branch() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator, &format!("  workflow.model: [org/a, b]\n{HARDWARE}"));
    let json = project.run(&["run", "spec.yml", "--format", "json"]).success().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    let labels: Vec<&String> = json["results"].as_object().unwrap().keys().collect();
    assert_eq!(labels, ["b,big", "b,small", "org/a,big", "org/a,small"]);
    // Two models, each measured once for both kinds of hardware.
    assert_eq!(simulator.metric("requests_total"), 12);
    assert!(project.path("out/org_a,big/summary.md").is_file());

    // One branch alone, and one level of it.
    let run = project.run(&["run", "spec.yml", "--force", "sweep@2[b,big]"]).success();
    assert_eq!(simulator.metric("requests_total"), 12 + 4, "{run:#?}");
    project.run(&["plan", "spec.yml", "--only", "fit[*,small]"]).success().stdout("of 2 stages");
    project
        .run(&["plan", "spec.yml", "--only", "fit[nope]"])
        .code(2)
        .stderr("no stage is called `fit`");

    // A further value measures only itself.
    let before = simulator.metric("requests_total");
    project.run(&["run", "spec.yml", "--set", "matrix.workflow.model=null"]).code(2);
    let spec = project.read("spec.yml").replace("[org/a, b]", "[org/a, b, c]");
    let project = project.file("spec.yml", &spec);
    project.run(&["run", "spec.yml"]).success();
    assert_eq!(simulator.metric("requests_total") - before, 6);
}

#[test]
fn a_branch_that_cannot_answer_is_compared_all_the_same() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator, "  targets.workflow_runtime: [1ms, 5s]\n");
    let ended = project.run(&["run", "spec.yml"]).code(3);
    ended.stdout("| 1ms    |").stdout("no number of GPUs meets this target").stdout("**5s**");
    assert_eq!(simulator.metric("requests_total"), 6);
}

#[test]
fn mistakes_in_a_matrix() {
    let simulator = SimulatorProcess::fast();
    let of = |matrix: &str| {
        let project = project(&simulator, matrix);
        let text = project.run(&["validate", "spec.yml"]).code(2).stderr;
        text.replace(&simulator.address.to_string(), "SIMULATOR")
    };
    insta::assert_snapshot!(
        [
            "  workflow.modle: [a, b]\n",
            "  workflow.model: [a, a]\n",
            "  workflow.model: [a/b, \"a:b\"]\n",
            "  workflow.model: []\n",
            "  workflow.model: a\n",
            "  targets: [{users: 1}, {users: 2}]\n",
            "  hardware: {big: 8}\n",
        ]
        .map(of)
        .join("\n")
    );
}
