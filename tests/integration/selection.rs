//! Choosing what runs.

use crate::support::{SimulatorProcess, Sizer};
use serde_json::Value;

const REST: &str = "test: {gpu_count: 8, gpus_per_replica: 4}
concurrency: {mode: burst, levels: [1, 2, 4], passes: 2}
targets: {users: 100, workflow_runtime: 5s}
estimate: {min_r_squared: 0}";

fn project(simulator: &SimulatorProcess) -> Sizer {
    let address = simulator.address;
    let workflow = format!("{{type: openai, base_url: \"http://{address}/v1\", model: m}}");
    Sizer::new().workflow(&workflow, REST)
}

#[test]
fn until_from_and_only() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    let run = |args: &[&str]| project.run(&[&["run", "spec.yml"], args].concat());
    // Backwards from sweep@2: itself and the dataset.
    run(&["--until", "sweep@2"]).success().stderr("2 stages run, 0 cached");
    assert_eq!(simulator.metric("requests_total"), 4);
    // All sweeps; one is there.
    run(&["--until", "sweep"]).success().stderr("2 stages run, 2 cached");
    run(&["--only", "level@*"]).success().stderr("3 stages run, 0 cached");
    let missing = run(&["--only", "render@summary.md"]).code(1);
    missing.stderr("fit is not in the store (never ran)").stderr("not selected");
    // From the fit on: fit, estimate, result, three reports.
    run(&["--from", "fit"]).success().stderr("6 stages run, 0 cached");
    run(&[]).success().stderr("0 stages run, 13 cached");
    assert_eq!(simulator.metric("requests_total"), 14);
    run(&["--only", "swep"])
        .code(2)
        .stderr("no stage matches `swep`; the stages are expand, sweep@1");
}

#[test]
fn a_run_that_ends_at_the_estimate_has_an_answer_and_keeps_no_result() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    let run = |args: &[&str]| project.run(&[&["run", "spec.yml"], args].concat());
    let until = run(&["--until", "estimate", "--format", "json"]).success();
    let missing = run(&["--only", "render"]).code(1);
    missing.stderr("result is not in the store (never ran)").stderr("not selected");
    assert_eq!(run(&["--format", "json"]).success().stdout, until.stdout);
    let kept = project.run(&["show", "spec.yml", "result"]).success();
    let [kept, until] = [kept.stdout, until.stdout].map(|it| serde_json::from_str::<Value>(&it));
    assert_eq!(kept.unwrap(), until.unwrap());
}

#[test]
fn force_runs_again_what_is_there() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    let run = |args: &[&str]| project.run(&[&["run", "spec.yml"], args].concat());
    run(&[]).success();
    run(&["--dry-run", "--force", "sweep@2"])
        .success()
        .stdout("sweep@2             run     forced");
    run(&["--force", "sweep@2"]).success();
    assert_eq!(simulator.metric("requests_total"), 14 + 4);
    run(&["--force", "--only", "sweep@1", "sweep@4"]).success().stderr("2 stages run, 0 cached");
    assert_eq!(simulator.metric("requests_total"), 14 + 4 + 2 + 8);
    run(&[]).success();
    run(&["--force", "estimate"]).success().stderr("1 stage run");
}

#[test]
fn offline_asks_nobody() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    let offline = project.run(&["run", "spec.yml", "--offline"]).code(1);
    offline.stderr("sweep@1 is not in the store (never ran)").stderr("an online `sizer run`");
    assert_eq!(simulator.metric("requests_total"), 0);
    project.run(&["run", "spec.yml"]).success();
    drop(simulator);
    // The server is gone, and nobody notices.
    project.run(&["run", "spec.yml", "--offline", "--set", "targets.users=5"]).success();
    let estimate = project.run(&["estimate", "spec.yml", "--set", "targets.users=1000"]).success();
    estimate.stdout("for 1000 users").stderr("2 stages run");
    project.run(&["render", "spec.yml"]).success().stdout("for 100 users: unsettled");
    let project = project
        .file("one.md.j2", "{{ result.gpus.recommended }} for {{ result.estimates[0].users }}");
    let filled =
        project.run(&["render", "spec.yml", "--template", "one.md.j2", "--set", "targets.users=7"]);
    assert!(filled.success().stdout.ends_with(" for 7"));
    project.run(&["render", "spec.yml", "--template", "none.j2"]).code(2).stderr("cannot be read");
}

#[test]
fn keep_going_runs_what_does_not_depend_on_a_failure() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    project.run(&["run", "spec.yml"]).success();
    let project = project.file("broken.j2", "{{ result.nope.nope }}");
    let reports = "outputs.reports=[{name: a.txt, template: broken.j2}, summary.md]";
    project.run(&["run", "spec.yml", "--set", reports, "--set", "outputs.dir=first"]).code(2);
    assert!(!project.path("first/summary.md").exists());
    let ended = project.run(&[
        "run",
        "spec.yml",
        "--set",
        reports,
        "--set",
        "outputs.dir=second",
        "--keep-going",
    ]);
    ended.code(2).stderr("render@a.txt failed");
    assert!(project.path("second/summary.md").exists());

    // A server that is gone for one level: the others' metrics are still made.
    let gone = ["--keep-going", "--set", "concurrency.levels=[1, 2, 3, 4]"];
    drop(simulator);
    let ended =
        project.run(&[&["run", "spec.yml", "--force", "level"], &gone[..]].concat()).code(1);
    ended.stderr("sweep@3 failed: the server cannot be reached");
}

#[test]
fn plans_are_for_machines_too() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    project.run(&["run", "spec.yml"]).success();
    let args = ["plan", "spec.yml", "--format", "json", "--set", "targets.users=500"];
    let plan: Value = serde_json::from_str(&project.run(&args).success().stdout).unwrap();
    let stages = plan["stages"].as_array().unwrap();
    assert_eq!(stages.len(), 13);
    let estimate = stages.iter().find(|stage| stage["stage"] == "estimate").unwrap();
    assert_eq!(estimate["status"], "run");
    assert_eq!(estimate["reason"], "targets.users: 100 → 500");
    let blocked = ["plan", "spec.yml", "--only", "render", "--set", "targets.users=500"];
    let blocked = project.run(&blocked).success();
    blocked.stdout("blocked targets.users: 100 → 500").stdout("5 blocked");
}
