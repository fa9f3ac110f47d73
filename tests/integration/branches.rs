//! Branches side by side that are not alike: other targets, or nothing measured.

use crate::answers::{hockey, sweep};
use crate::support::{SimulatorProcess, Sizer};
use serde_json::Value;

fn comparison(project: &Sizer) -> Value {
    serde_json::from_str(&project.read("out/comparison.json")).unwrap()
}

#[test]
fn only_branches_of_the_same_targets_are_compared() {
    let runs = sweep(&[1, 2, 4, 8, 16, 24, 32, 48], hockey);
    let spec = |matrix: &str| {
        format!(
            "version: 1\nname: test\nworkflow: {{type: recorded, path: runs.csv}}\ntest: {{gpu_count: 1}}\n\
             targets: {{users: 100, workflow_runtime: 2s}}\nmatrix: {matrix}\n"
        )
    };
    // A loose target needs less, which makes its branch no cheaper.
    let project = Sizer::new()
        .file("runs.csv", &runs)
        .spec(&spec("{targets.workflow_runtime: [1.5s, 2.5s]}"));
    let ended = project.run(&["run", "spec.yml", "--quiet"]).success();
    assert!(!ended.stdout.contains("Cheapest that meets every target"), "{ended:#?}");
    ended.stdout("Branches have different targets or loads");
    assert_eq!(comparison(&project)["cheapest"], Value::Null);
    let grid = project.run(&["what-if", "spec.yml"]).success();
    assert!(!grid.stdout.contains(" *\n") && !grid.stdout.contains(" * |"), "{grid:#?}");
    // With the same targets, each group has its own.
    let project = project.spec(&spec(
        "{targets.users: [50, 100], hardware: {old: {test.gpu_count: 2}, new: {test.gpu_count: 1}}}",
    ));
    let ended = project.run(&["run", "spec.yml", "--quiet"]).success();
    ended.stdout("p95 workflow runtime ≤ 2 s for 50 users: cheapest is **50,new**");
    let compared = comparison(&project);
    assert_eq!(compared["cheapest"], Value::Null);
    let groups = compared["by_targets"].as_array().unwrap();
    assert_eq!(groups.len(), 2, "{compared:#}");
    assert_eq!(groups[1]["cheapest"], "100,new");
}

#[test]
fn a_branch_without_levels_hides_no_other() {
    let simulator = SimulatorProcess::fast();
    let workflow =
        format!("{{type: openai, base_url: \"http://{}/v1\", model: a}}", simulator.address);
    let project = Sizer::new().workflow(
        &workflow,
        "concurrency: {levels: [1, 2, 4, 8], passes: 8}\ntest: {gpu_count: 1}\n\
         targets: {users: 20, workflow_runtime: 80ms}\nmatrix: {workflow.model: [b, a]}",
    );
    let none = project.run(&["run", "spec.yml", "--offline"]).code(1);
    none.stderr("an online `sizer run` does that");
    let one = project.run(&["run", "spec.yml", "--quiet", "--until", "estimate[a]"]);
    assert_eq!(one.code, Some(0), "{one:#?}");
    let asked = simulator.metric("requests_total");
    for command in [&["run", "spec.yml", "--offline"][..], &["estimate", "spec.yml"]] {
        let ended = project.run(command).code(1);
        ended.stdout("p95 workflow runtime ≤ 0.08 s for 20 users: ").stderr("error: b: ");
    }
    project.run(&["run", "spec.yml", "--offline"]).code(1).stdout("Not measured: **b**");
    let grid = project.run(&["what-if", "spec.yml", "--users", "10,20"]).code(1);
    grid.stdout("| 20 users").stdout("Not measured: b");
    assert_eq!(simulator.metric("requests_total"), asked);
}
