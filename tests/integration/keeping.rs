//! The store, the lock file and the history.

use crate::support::{SimulatorProcess, Sizer};
use serde_json::Value;
use std::process::{Command, Stdio};
use std::time::Duration;

const REST: &str = "concurrency:
  mode: burst
  levels:
    - 1
    - 2
    - 4
    - 8
  passes: 2
test: {gpu_count: 8}
targets: {users: 100, workflow_runtime: 5s}";

fn project(simulator: &SimulatorProcess) -> Sizer {
    let address = simulator.address;
    let workflow = format!("{{type: openai, base_url: \"http://{address}/v1\", model: m}}");
    Sizer::new().workflow(&workflow, REST)
}

#[test]
fn the_second_process_names_the_first_or_waits_for_it() {
    let simulator = SimulatorProcess::start(&["engine.base=10ms", "output_tokens=30"]);
    let project = project(&simulator);
    let mut first =
        project.command(&["run", "spec.yml", "--quiet"]).stdout(Stdio::null()).spawn().unwrap();
    while simulator.metric("requests_total") == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let busy = format!("another sizer (process {})", first.id());
    project.run(&["run", "spec.yml"]).code(1).stderr(&busy).stderr("--wait");
    let waited = project.run(&["run", "spec.yml", "--wait"]).success();
    // It waited, and then found everything there.
    waited.stderr(&busy).stderr("0 stages run");
    assert!(first.wait().unwrap().success());
    assert_eq!(simulator.metric("requests_total"), 30);
}

fn git(project: &Sizer, args: &[&str]) -> (bool, String) {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(args)
        .current_dir(project.path(""))
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn branches_that_measured_different_levels_merge() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator).file(".gitignore", ".sizer/\nout/\n");
    let spec = project.read("spec.yml");
    let commit = |message: &str| {
        assert!(git(&project, &["add", "-A"]).0);
        assert!(git(&project, &["commit", "-qm", message]).0);
    };
    assert!(git(&project, &["init", "-q"]).0);
    project.run(&["run", "spec.yml"]).success();
    commit("four levels");
    assert!(git(&project, &["checkout", "-qb", "low"]).0);
    std::fs::write(project.path("spec.yml"), spec.replace("    - 1\n", "    - 1\n    - 3\n"))
        .unwrap();
    project.run(&["run", "spec.yml"]).success();
    commit("three in flight");
    assert!(git(&project, &["checkout", "-q", "main"]).0);
    std::fs::write(project.path("spec.yml"), spec.replace("    - 8\n", "    - 8\n    - 9\n"))
        .unwrap();
    project.run(&["run", "spec.yml"]).success();
    commit("nine in flight");
    let requests = simulator.metric("requests_total");
    let (merged, said) = git(&project, &["merge", "-q", "low", "-m", "both"]);
    assert!(merged, "{said}");

    // Fit, estimate and reports are new; everything that was measured is there and locked.
    let status = project.run(&["status", "spec.yml"]).success();
    for level in [1, 2, 3, 4, 8, 9] {
        let line = status
            .stdout
            .lines()
            .find(|line| line.starts_with(&format!("sweep@{level} ")))
            .unwrap();
        assert!(line.ends_with("  current"), "{line}");
    }
    project.run(&["run", "spec.yml"]).success();
    assert_eq!(simulator.metric("requests_total"), requests);
    project.run(&["status", "spec.yml"]).success().stdout("19 of 19 stages are current");

    // A colleague's clone: the lock file is right, the store is elsewhere.
    std::fs::rename(project.path(".sizer"), project.path("elsewhere")).unwrap();
    let status = project.run(&["status", "spec.yml"]).success();
    status
        .stdout("sweep@9             locked, but not in this store")
        .stdout("fit                 stale");
}

#[test]
fn a_conflicted_lock_is_written_anew() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    project.run(&["run", "spec.yml"]).success();
    let sound = project.read("sizer.lock");
    let (head, tail) = sound.split_once("size = ").unwrap();
    let conflicted = format!("{head}<<<<<<< HEAD\nsize = {tail}=======\nsize = 9\n>>>>>>> other\n");
    let project = project.file("sizer.lock", &conflicted);
    project.run(&["status", "spec.yml"]).success().stdout("sizer.lock has merge conflicts");
    project
        .run(&["run", "spec.yml"])
        .success()
        .stderr("sizer.lock has merge conflicts; it is rebuilt");
    assert_eq!(project.read("sizer.lock"), sound);
    let project = project.file("sizer.lock", "not a lock");
    project.run(&["run", "spec.yml"]).success().stderr("sizer.lock cannot be read");
    assert_eq!(project.read("sizer.lock"), sound);
    assert_eq!(simulator.metric("requests_total"), 30);
}

#[test]
fn what_the_spec_says_now_is_kept_though_nothing_ran() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    project.run(&["run", "spec.yml"]).success();
    project.run(&["run", "spec.yml", "--set", "targets.users=7"]).success();
    // Back to the first: everything is there, and this is what counts from now on.
    project.run(&["run", "spec.yml"]).success().stderr("0 stages run");
    project.run(&["gc", "spec.yml", "--keep-last", "0"]).success();
    project.run(&["plan", "spec.yml"]).success().stdout("0 of 15 stages would run");
}

#[test]
fn garbage_goes_and_what_is_locked_stays() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    let run = |args: &[&str]| project.run(args).success();
    run(&["run", "spec.yml", "--set", "workflow.max_tokens=2"]);
    run(&["run", "spec.yml"]);
    // Past runs keep their artifacts: nothing goes, and the first spec is still there.
    run(&["gc", "spec.yml"]).stdout("removed 0 files");
    let files = project.files().len();
    let would = run(&["gc", "spec.yml", "--keep-last", "1", "--dry-run"]);
    assert!(would.stdout.contains(".sizer/manifests/"), "{would:#?}");
    assert_eq!(project.files().len(), files);
    run(&["gc", "spec.yml", "--older-than", "1h"]).stdout("removed 0 files");
    run(&["gc", "spec.yml", "--older-than", "0s"]);
    assert!(project.files().len() < files);
    run(&["run", "spec.yml"]).stderr("0 stages run");
    run(&["gc", "spec.yml", "--max-size", "1B"]);
    run(&["run", "spec.yml"]).stderr("0 stages run");
    let requests = simulator.metric("requests_total");
    run(&["run", "spec.yml", "--set", "workflow.max_tokens=2"]);
    assert_eq!(
        simulator.metric("requests_total"),
        requests + 30,
        "the collected levels were still there"
    );
    project.run(&["gc", "spec.yml", "--older-than", "soon"]).code(2).stderr("not a duration");
    project.run(&["gc", "spec.yml", "--max-size", "big"]).code(2);
}

#[test]
fn history_and_single_artifacts() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    project.run(&["history", "spec.yml"]).success().stdout("no run of this spec");
    project.run(&["show", "spec.yml", "level@2"]).code(1).stderr("is not in the store (never ran)");
    project.run(&["run", "spec.yml"]).success();
    project.run(&["run", "spec.yml"]).success();
    project.run(&["run", "spec.yml", "--set", "targets.users=200"]).success();
    project
        .run(&["run", "spec.yml", "--set", "outputs.reports=[{name: a, template: none.j2}]"])
        .code(2);
    let history = project.run(&["history", "spec.yml", "--format", "json"]).success().stdout;
    let history: Value = serde_json::from_str(&history).unwrap();
    let exits: Vec<&str> =
        history.as_array().unwrap().iter().map(|run| run["exit"].as_str().unwrap()).collect();
    assert_eq!(exits, ["done", "done", "failed"], "the run that ran nothing leaves no record");
    assert_eq!(history[1]["ran"], 5, "estimate, result and three reports");
    assert!(history[0]["gpus"].as_u64() <= history[1]["gpus"].as_u64());
    project.run(&["history", "spec.yml"]).success().stdout("| failed:");

    let level = project.run(&["show", "spec.yml", "level@2"]).success().stdout;
    let level: Value = serde_json::from_str(&level).unwrap();
    assert_eq!(level["workflow_runtime"], project.result()["levels"][1]["workflow_runtime"]);
    let runs = project.run(&["show", "spec.yml", "sweep@4"]).success().stdout;
    assert_eq!(runs.lines().count(), 8);
}

/// The history of the spec, with the ids of its runs.
fn history(project: &Sizer) -> Vec<Value> {
    let history = project.run(&["history", "spec.yml", "--format", "json"]).success().stdout;
    serde_json::from_str(&history).unwrap()
}

#[test]
fn a_run_whose_artifacts_are_gone_is_compared_by_what_is_known_of_it() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    project.run(&["run", "spec.yml"]).success();
    let other = ["--set", "targets.users=500"];
    project.run(&[&["estimate", "spec.yml"][..], &other].concat()).success();
    project.run(&["run", "spec.yml", "--only", "sweep", "--force", "sweep@1"]).success();
    project.run(&["run", "spec.yml", "--set", "targets.users=7"]).success();
    let runs = history(&project);
    let id = |index: usize| runs[index]["id"].as_str().unwrap();
    let diff = |a: &str, b: &str| project.run(&["diff", "spec.yml", a, b]).success();
    let tried = |ended: crate::support::Ended, change: &str| {
        let spec = ended.stdout.split("Spec:").nth(1).unwrap().split("\n\n").next().unwrap();
        assert_eq!(spec.trim(), change, "{ended:#?}");
    };
    tried(diff(id(0), id(1)), "targets.users: 100 → 500");
    tried(diff(id(1), id(2)), "targets.users: 500 → 100");
    // A trial is told from a run.
    let shown = project.run(&["history", "spec.yml"]).success();
    shown.stdout("| estimate --set targets.users=500 |").stdout("| run ").stdout("| Asked ");

    project.run(&["gc", "spec.yml", "--keep-last", "1", "--wait"]).success();
    tried(diff(id(1), id(3)), "targets.users: 500 → 7");
    // Records of an earlier version have no spec.
    let log = project.read(".sizer/runs.jsonl");
    let old: Vec<String> = log
        .lines()
        .map(|line| {
            let mut record: Value = serde_json::from_str(line).unwrap();
            record.as_object_mut().unwrap().remove("reads");
            record.to_string()
        })
        .collect();
    std::fs::write(project.path(".sizer/runs.jsonl"), old.join("\n") + "\n").unwrap();
    let said = diff(id(1), id(3)).stdout(&format!(
        "the spec of run {} is no longer in the store; the remaining parts of it:\n  no difference",
        id(1)
    ));
    assert!(!said.stdout.contains("not set"), "{said:#?}");
    // A run of some stages alone.
    diff(id(2), id(3)).stdout("is no longer in the store");
}

#[test]
fn whoever_takes_the_store_can_wait_for_it() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    project.run(&["run", "spec.yml"]).success();
    let held = std::fs::File::options().write(true).open(project.path(".sizer/owner")).unwrap();
    held.lock().unwrap();
    let verbs = ["run", "estimate", "what-if", "render", "gc"];
    for verb in verbs {
        project.run(&[verb, "spec.yml"]).code(1).stderr("run with --wait");
    }
    let waiting: Vec<_> = verbs
        .iter()
        .map(|verb| {
            let mut command = project.command(&[verb, "spec.yml", "--wait"]);
            command.stdout(std::process::Stdio::piped()).spawn().unwrap()
        })
        .collect();
    held.unlock().unwrap();
    for (verb, child) in verbs.iter().zip(waiting) {
        let output = child.wait_with_output().unwrap();
        // An unsettled answer is none for `what-if`.
        let answered = String::from_utf8_lossy(&output.stdout).contains("100 users");
        let done = output.status.success() || *verb == "what-if" && answered;
        assert!(done, "{verb}: {output:?}");
    }
    let held = std::fs::File::options().write(true).open(project.path(".sizer/owner")).unwrap();
    held.lock().unwrap();
    for args in [["plan", "spec.yml"], ["status", "spec.yml"], ["history", "spec.yml"]] {
        project.run(&args).success();
    }
}

#[test]
fn what_changed_between_two_states() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator).file(".gitignore", ".sizer/\nout/\n").file("sizer.toml", "");
    let commit = |message: &str| {
        assert!(git(&project, &["add", "-A"]).0);
        assert!(git(&project, &["commit", "-qm", message]).0);
    };
    assert!(git(&project, &["init", "-q"]).0);
    project.run(&["run", "spec.yml"]).success();
    std::fs::copy(project.path("sizer.lock"), project.path("old.lock")).unwrap();
    commit("four levels");
    let spec = project.read("spec.yml").replace("    - 1\n", "").replace("    - 4\n", "    - 6\n");
    std::fs::write(project.path("spec.yml"), spec.replace("users: 100", "users: 1000")).unwrap();
    project.run(&["run", "spec.yml", "--force", "sweep@2"]).success();
    commit("others");

    let gpus = project.result()["gpus"]["recommended"].clone();
    let levels = |text: &str| -> Vec<(u64, String)> {
        let changes: Value = serde_json::from_str(text).unwrap();
        assert_eq!(changes["gpus"][1], gpus, "{text}");
        let levels = changes["levels"].as_array().unwrap().iter();
        levels
            .map(|it| {
                (it["concurrency"].as_u64().unwrap(), it["note"].as_str().unwrap().to_owned())
            })
            .collect()
    };
    let expected =
        [(1, "gone"), (2, "measured again"), (4, "gone"), (6, "new"), (8, "the same runs")]
            .map(|(level, note)| (level, note.to_owned()));
    let history = project.run(&["history", "spec.yml", "--format", "json"]).success().stdout;
    let history: Value = serde_json::from_str(&history).unwrap();
    let run = |index: usize| history[index]["id"].as_str().unwrap().to_owned();
    let (first, second) = (run(0), run(1));
    for sides in [
        vec!["HEAD~1", "HEAD"],
        vec!["HEAD~1"],
        vec!["old.lock"],
        vec![first.as_str(), second.as_str()],
        vec![first.as_str(), "HEAD"],
    ] {
        let args = [&["diff", "spec.yml"], &sides[..], &["--format", "json"]].concat();
        let diff = project.run(&args).success().stdout;
        assert_eq!(levels(&diff), expected, "{sides:?}: {diff}");
    }
    let diff = project.run(&["diff", "spec.yml", "HEAD~1", "HEAD"]).success();
    diff.stdout("targets.users: 100 → 1000").stdout("| measured again |");
    project.run(&["diff", "spec.yml", "nope"]).code(2).stderr("`nope` is not a run of this spec");

    // Elsewhere the levels are known by name alone: no fit is made of what is not there.
    std::fs::remove_dir_all(project.path(".sizer")).unwrap();
    let diff = project.run(&["diff", "spec.yml", "HEAD~1", "HEAD"]).success();
    diff.stdout("not in this store").stdout("GPUs: none → none");
}
