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

/// The cheaper rig for the first set is too slow for the other one, whatever its number.
#[test]
fn each_set_of_targets_has_its_own_cheapest_branch() {
    let fast = sweep(&[1, 2, 4, 8, 16, 24, 28, 32, 36, 40, 48], |load| 0.2 * hockey(load));
    let spec = "version: 1\nname: test\nworkflow: {type: recorded, path: slow.csv}\n\
                targets:\n  - {users: 100, workflow_runtime: 2s}\n  \
                - {name: strict, users: 100, workflow_runtime: 500ms}\n\
                matrix:\n  rig:\n    cheap: {test.gpu_count: 1, workflow.path: slow.csv}\n    \
                fast: {test.gpu_count: 40, test.gpus_per_replica: 40, workflow.path: fast.csv}\n";
    let slow = sweep(&[1, 2, 4, 8, 16, 24, 32, 48], hockey);
    let project = Sizer::new().file("slow.csv", &slow).file("fast.csv", &fast).spec(spec);
    let ended = project.run(&["run", "spec.yml", "--quiet"]);
    assert!(!ended.stdout.contains("Cheapest that meets every target: "), "{ended:#?}");
    ended
        .stdout("Cheapest that meets every target of the first set: **cheap**")
        .stdout("## strict\n")
        .stdout("Cheapest that meets every target of this set: **fast**");
    let compared = comparison(&project);
    assert_eq!(
        (&compared["cheapest"], &compared["branches"][0]["branch"]),
        (&"cheap".into(), &"cheap".into())
    );
    let strict = &compared["alternatives"][0];
    assert_eq!(
        (&strict["name"], &strict["cheapest"]),
        (&"strict".into(), &"fast".into()),
        "{compared:#}"
    );
    assert_eq!(strict["branches"][0]["gpus"], Value::Null, "{compared:#}");
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
