//! What is forced is done, even where the run that was to do it is stopped.

use crate::support::{SimulatorProcess, Sizer};
use std::process::{Command, Stdio};
use std::time::Duration;

const LEVELS: &str = "concurrency: {mode: burst, levels: [1, 2, 3], passes: 4}";

fn project(simulator: &SimulatorProcess) -> Sizer {
    let address = simulator.address;
    let workflow = format!("{{type: openai, base_url: \"http://{address}/v1\", model: m}}");
    Sizer::new().workflow(&workflow, LEVELS)
}

/// Starts a run, and ends it once the server has got so many requests.
fn stopped(project: &Sizer, simulator: &SimulatorProcess, args: &[&str], signal: &str, at: u64) {
    let args = [&["run", "spec.yml", "--quiet"], args].concat();
    let mut child =
        project.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while simulator.metric("requests_total") < at {
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success()
    );
    assert!(!child.wait().unwrap().success(), "it was stopped before it was done");
}

#[test]
fn a_forced_run_that_is_stopped_is_still_to_do() {
    for signal in ["-INT", "-KILL"] {
        let simulator = SimulatorProcess::start(&["engine.base=5ms", "output_tokens=20"]);
        let project = project(&simulator);
        project.run(&["run", "spec.yml"]).success();
        // Within the second level of three, once more.
        stopped(&project, &simulator, &["--force", "sweep"], signal, 24 + 6);
        let plan = project.run(&["plan", "spec.yml"]).success();
        plan.stdout("sweep@1             cached")
            .stdout("sweep@2             run     forced in a run that ended before making it")
            .stdout("sweep@3             run     forced in a run that ended before making it");
        let status = project.run(&["status", "spec.yml"]).success();
        let status =
            status.stdout("sweep@3             stale: forced in a run that ended before making it");
        assert!(!status.stdout.contains("damaged"), "{status:#?}");
        // Offline, what is there has to do, and stays to be done.
        project.run(&["estimate", "spec.yml"]).success();
        let before = simulator.metric("requests_total");
        project.run(&["run", "spec.yml"]).success();
        assert_eq!(simulator.metric("requests_total") - before, 8 + 12, "{signal}");
        project.run(&["plan", "spec.yml"]).success().stdout("0 of ");
        project.run(&["run", "spec.yml"]).success().stderr("0 stages run");
    }
}

#[test]
fn branches_that_were_not_begun_are_still_to_do() {
    let simulator = SimulatorProcess::start(&["engine.base=5ms", "output_tokens=20"]);
    let address = simulator.address;
    let workflow = format!("{{type: openai, base_url: \"http://{address}/v1\", model: m}}");
    let rest =
        "concurrency: {mode: burst, levels: [2], passes: 6}\nmatrix: {workflow.model: [a, b]}";
    let project = Sizer::new().workflow(&workflow, rest);
    project.run(&["run", "spec.yml"]).success();
    stopped(&project, &simulator, &["--force", "sweep"], "-INT", 24 + 4);
    let plan = project.run(&["plan", "spec.yml"]).success();
    plan.stdout("sweep@2[a]").stdout("sweep@2[b]");
    let before = simulator.metric("requests_total");
    project.run(&["run", "spec.yml"]).success();
    assert_eq!(simulator.metric("requests_total") - before, 24);
}

/// Branches that differ in their targets rest on the same levels; once those are made, neither owes them.
#[test]
fn what_branches_share_is_owed_once() {
    let simulator = SimulatorProcess::start(&["engine.base=5ms", "output_tokens=20"]);
    let address = simulator.address;
    let workflow = format!("{{type: openai, base_url: \"http://{address}/v1\", model: m}}");
    let rest = "concurrency: {mode: burst, levels: [1, 2], passes: 6}
targets: {workflow_runtime: 5s}
test: {gpu_count: 8}
matrix: {targets.users: [5, 9]}";
    let project = Sizer::new().workflow(&workflow, rest);
    project.run(&["run", "spec.yml"]);
    // Once more, within the second level of the first branch.
    stopped(&project, &simulator, &["--force", "sweep"], "-INT", 18 + 6 + 3);
    let before = simulator.metric("requests_total");
    project.run(&["run", "spec.yml"]);
    assert_eq!(simulator.metric("requests_total") - before, 12);
    project.run(&["plan", "spec.yml"]).success().stdout("0 of ");
    let status = project.run(&["status", "spec.yml"]).success();
    assert!(!status.stdout.contains("stale"), "{status:#?}");
}
