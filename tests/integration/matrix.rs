//! A spec for every combination.

use crate::support::{ANSWER, Scripted, SimulatorProcess, Sizer, respond};
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

const REST: &str = "concurrency: {mode: burst, levels: [1, 2], passes: 2}
targets: {users: 100, workflow_runtime: 5s}
test: {gpu_count: 8}
outputs: {reports: [summary.md, result.json]}";

fn project(simulator: &SimulatorProcess, matrix: &str) -> Sizer {
    let address = simulator.address;
    let workflow = format!("{{type: openai, base_url: \"http://{address}/v1\", model: m}}");
    Sizer::new()
        .workflow(&workflow, &format!("{REST}\nestimate: {{method: linear}}\nmatrix:\n{matrix}"))
}

/// Two levels make a line that rises, whatever else the machine has to do.
fn steep() -> SimulatorProcess {
    SimulatorProcess::start(&["engine.base=1ms", "engine.per_sequence=300ms", "output_tokens=1"])
}

const HARDWARE: &str = "  hardware:
    big: {test.gpu_count: 8, test.gpus_per_replica: 8, test.cost_per_gpu_hour: 4}
    small: {test.gpu_count: 2, test.gpus_per_replica: 1, test.cost_per_gpu_hour: 1.5}
";

#[test]
fn branches_that_differ_after_the_sweep_are_measured_once() {
    let simulator = steep();
    let project = project(&simulator, HARDWARE);
    project
        .run(&["plan", "spec.yml"])
        .success()
        .stdout("expand[small]              run     shared with [big]");
    let ended = project.run(&["run", "spec.yml"]).success();
    // expand, two sweeps and levels, the fit; then estimate and two reports for each.
    ended.stderr("14 stages run, 6 cached").stdout("Cheapest that meets every target: **small**");
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
        Some("0 stages run, 20 cached")
    );
    project.run(&["status", "spec.yml"]).success().stdout("20 of 20 stages are current");
}

#[test]
fn every_combination_is_a_branch() {
    let simulator = steep();
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
        .stderr("no stage matches `fit`");

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
    let simulator = steep();
    let project = project(&simulator, "  targets.workflow_runtime: [1ms, 5s]\n");
    let ended = project.run(&["run", "spec.yml"]).code(3);
    ended.stdout("| 1ms    |").stdout("no number of GPUs meets this target").stdout("**5s**");
    assert_eq!(simulator.metric("requests_total"), 6);
}

#[test]
fn mistakes_in_a_matrix() {
    let simulator = steep();
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

#[test]
fn what_branches_share_is_forced_once() {
    let simulator = steep();
    let project = project(&simulator, HARDWARE);
    project.run(&["run", "spec.yml", "--force"]).success().stderr("14 stages run, 6 cached");
    project.run(&["run", "spec.yml", "--force"]).success().stderr("14 stages run, 6 cached");
    assert_eq!(simulator.metric("requests_total"), 12);
}

/// Two servers, each of which answers only while the other is asked as well.
fn pair() -> [Scripted; 2] {
    let both = Arc::new(Barrier::new(2));
    [Arc::clone(&both), both].map(|both| {
        Scripted::start(move |stream, _| {
            both.wait();
            respond(stream, "200 OK", ANSWER)
        })
    })
}

fn two_servers(servers: &[Scripted; 2], rig: &str) -> Sizer {
    let [a, b] = servers.each_ref().map(|server| server.address);
    Sizer::new().workflow(
        "{type: openai, base_url: http://127.0.0.1:1, model: m, stream: false, timeout: 10s}",
        &format!(
            "concurrency: {{mode: burst, levels: [1], passes: 3}}\ntest: {{{rig}}}\nmatrix:\n  \
             workflow.base_url: [\"http://{a}/v1\", \"http://{b}/v1\"]"
        ),
    )
}

#[test]
fn different_rigs_are_measured_at_the_same_time_if_asked_to() {
    let servers = pair();
    let project = two_servers(&servers, "");
    let ended = project.run(&["run", "spec.yml", "--jobs", "2"]).success();
    // The dataset is expanded once, and both branches are locked.
    ended.stderr("17 stages run, 1 cached");
    for server in &servers {
        assert_eq!(server.requests.lock().unwrap().len(), 3);
    }
    let lock = project.read("sizer.lock");
    assert_eq!(lock.matches("\"sweep@1\"]").count(), 2, "{lock}");
    project.run(&["status", "spec.yml"]).success().stdout("18 of 18 stages are current");
}

#[test]
fn one_rig_is_never_loaded_by_two_branches() {
    let now = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let servers = [(); 2].map(|()| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        Scripted::start(move |stream, _| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(20));
            now.fetch_sub(1, Ordering::SeqCst);
            respond(stream, "200 OK", ANSWER)
        })
    });
    let project = two_servers(&servers, "rig: basement");
    project.run(&["run", "spec.yml", "--jobs", "2"]).success();
    assert_eq!(most.load(Ordering::SeqCst), 1);
    project.run(&["run", "spec.yml", "--jobs", "0"]).code(2);
}

#[test]
fn a_run_of_one_branch_is_compared_with_that_branch() {
    let simulator = steep();
    let project = project(&simulator, HARDWARE);
    project.run(&["run", "spec.yml"]).success();
    let history = project.run(&["history", "spec.yml", "--format", "json"]).success().stdout;
    let history: Value = serde_json::from_str(&history).unwrap();
    let run = history[0]["id"].as_str().unwrap();
    let diff = project.run(&["diff", "spec.yml", run, "--set", "targets.users=7"]).success();
    diff.stdout("[big]run ").stdout("targets.users: 100 → 7").stdout("the same runs");
    let other = history[1]["id"].as_str().unwrap();
    let diff = project.run(&["diff", "spec.yml", run, other]).success();
    diff.stdout("test.cost_per_gpu_hour: 4.0 → 1.5");
}

#[test]
fn a_combination_whose_folder_no_file_system_could_make_is_refused() {
    let values = |length: usize| format!("  workflow.model: [{}, small]\n", "m".repeat(length));
    let simulator = SimulatorProcess::fast();
    project(&simulator, &values(200)).run(&["run", "spec.yml", "--quiet"]).success();
    let ended = project(&simulator, &values(300)).run(&["validate", "spec.yml"]).code(2);
    ended.stderr("has a name of 300 bytes, and its folder one of 200 at the most");
}
