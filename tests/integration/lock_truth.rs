//! The lock file says what was measured, and whoever measures nothing leaves it alone.

use crate::support::{QUESTIONS, SimulatorProcess, Sizer, free_port};

fn project(port: u16) -> Sizer {
    let workflow = format!("{{type: openai, base_url: \"http://127.0.0.1:{port}/v1\", model: m}}");
    let rest = "concurrency: {mode: burst, levels: [1, 2], passes: 2}
test: {gpu_count: 8}
targets: {users: 100, workflow_runtime: 5s}";
    Sizer::new().workflow(&workflow, rest)
}

#[test]
fn who_measures_nothing_leaves_the_lock_as_it_is() {
    let simulator = SimulatorProcess::fast();
    let project = project(simulator.address.port());
    project.run(&["run", "spec.yml"]).success();
    let lock = project.read("sizer.lock");
    let unchanged = |what: &str| assert_eq!(project.read("sizer.lock"), lock, "{what}");
    // Other questions: what was measured is of the old ones.
    std::fs::write(project.path("questions.jsonl"), QUESTIONS.replace("What is", "How much is"))
        .unwrap();
    project.run(&["estimate", "spec.yml"]).code(1);
    unchanged("estimate");
    project.run(&["run", "spec.yml", "--offline"]).code(1);
    unchanged("run --offline");
    project.run(&["what-if", "spec.yml", "--users", "5"]).code(1);
    unchanged("what-if");
    drop(simulator);
    project.run(&["run", "spec.yml"]).code(1).stderr("cannot be reached");
    unchanged("a run without a server");
    let status = project.run(&["status", "spec.yml"]).success();
    assert!(!status.stdout.contains("damaged"), "{status:#?}");
    std::fs::write(project.path("questions.jsonl"), QUESTIONS).unwrap();
    // Fewer levels, for an estimate alone: the others are measured all the same.
    project.run(&["estimate", "spec.yml", "--set", "concurrency.levels=[1]"]);
    unchanged("an estimate from fewer levels");
    project.run(&["status", "spec.yml"]).success().stdout("sweep@2             current");
}

/// A colleague's lock file names another recording of the same level.
#[test]
fn an_estimate_puts_nothing_of_its_own_into_the_lock_of_others() {
    let simulator = SimulatorProcess::fast();
    let project = project(simulator.address.port());
    project.run(&["run", "spec.yml"]).success();
    let theirs = project.read("sizer.lock");
    project.run(&["run", "spec.yml", "--force", "sweep@1"]).success();
    let project = project.file("sizer.lock", &theirs);
    project.run(&["estimate", "spec.yml", "--set", "targets.users=7"]);
    assert_eq!(project.read("sizer.lock"), theirs);
    project
        .run(&["status", "spec.yml"])
        .success()
        .stdout("sweep@1             in the store, but not locked");
    // Who may measure says what counts now.
    project.run(&["run", "spec.yml"]).success();
    project.run(&["status", "spec.yml"]).success().stdout("sweep@1             current");
}

#[test]
fn a_first_run_without_a_server_locks_the_dataset_alone() {
    let project = project(free_port());
    project.run(&["run", "spec.yml"]).code(1).stderr("cannot be reached");
    let lock = project.read("sizer.lock");
    assert!(lock.contains("expand") && !lock.contains("sweep@"), "{lock}");
}

#[test]
fn a_file_that_is_no_lock_is_none_in_a_comparison_either() {
    let simulator = SimulatorProcess::fast();
    let project = project(simulator.address.port()).file("bad.lock", "specs = 7");
    project.run(&["run", "spec.yml"]).success();
    project.run(&["diff", "spec.yml", "sizer.lock"]).success();
    // Else all levels would be new.
    project.run(&["diff", "spec.yml", "bad.lock"]).code(2).stderr("bad.lock cannot be read");
}

#[test]
fn a_lock_that_cannot_be_read_stops_a_run_before_it_measures() {
    let simulator = SimulatorProcess::fast();
    let project = project(simulator.address.port());
    std::os::unix::fs::symlink("sizer.lock", project.path("sizer.lock")).unwrap();
    project.run(&["run", "spec.yml"]).code(1).stderr("sizer.lock cannot be read");
    project.run(&["status", "spec.yml"]).success().stdout("make it readable");
    assert!(project.path("sizer.lock").is_symlink());
    assert_eq!(simulator.metric("requests_total"), 0);
}
