//! What runs again, and what does not.

use crate::support::{SimulatorProcess, Sizer};

const REST: &str = "test: {gpu_count: 8, gpus_per_replica: 4}
concurrency: {mode: burst, levels: [1, 2, 4], passes: 2}
targets: {users: 100, workflow_runtime: 5s}
estimate: {min_r_squared: 0}";

fn project(simulator: &SimulatorProcess) -> Sizer {
    let address = simulator.address;
    Sizer::new()
        .workflow(&format!("{{type: openai, base_url: \"http://{address}/v1\", model: m}}"), REST)
}

#[test]
fn a_second_run_runs_nothing_and_a_new_target_only_the_estimate() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    // expand, three sweeps and levels, fit, estimate, three reports.
    project.run(&["run", "spec.yml"]).success().stderr("13 stages run, 0 cached");
    assert_eq!(simulator.metric("requests_total"), 14);
    let first = project.read("out/result.json");

    project.run(&["run", "spec.yml"]).success().stderr("0 stages run, 13 cached");
    assert_eq!(project.read("out/result.json"), first);

    let changed = ["--set", "targets.workflow_runtime=3s", "--set", "targets.users=50"];
    let plan = project.run(&[&["plan", "spec.yml"], &changed[..]].concat()).success();
    let plan = plan.stdout("targets.users: 100 → 50, targets.workflow_runtime.p95: 5.0 → 3.0");
    plan.stdout("5 of 13 stages would run");
    let ended = project.run(&[&["run", "spec.yml"], &changed[..]].concat()).success();
    ended.stderr("5 stages run, 8 cached");
    assert_eq!(project.result()["estimates"][0]["limit"], 3.0);
    assert_eq!(simulator.metric("requests_total"), 14, "a changed target asked the server");
}

#[test]
fn a_new_level_measures_only_itself() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    project.run(&["run", "spec.yml"]).success();
    let ended =
        project.run(&["run", "spec.yml", "--set", "concurrency.levels=[1, 2, 3]"]).success();
    // sweep@3, level@3, fit, estimate, three reports.
    ended.stderr("8 stages run, 5 cached");
    assert_eq!(simulator.metric("requests_total"), 14 + 6);
}

#[test]
fn how_a_spec_is_written_changes_nothing() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    project.run(&["run", "spec.yml"]).success();
    let text = project.read("spec.yml");
    let rewritten = text
        .replace(
            "targets: {users: 100, workflow_runtime: 5s}",
            "# a comment\ntargets:\n  workflow_runtime: {p95: 5000ms}\n  users: 100\n",
        )
        .replace("levels: [1, 2, 4]", "levels: {from: 1, to: 4, steps: 3, scale: log}");
    assert_ne!(rewritten, text);
    let project = project.file("spec.yml", &rewritten);
    project.run(&["run", "spec.yml"]).success().stderr("0 stages run, 13 cached");
}

#[test]
fn a_changed_dataset_measures_again_and_a_touched_one_does_not() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    project.run(&["run", "spec.yml"]).success();
    let questions = project.read("questions.jsonl");
    let project = project.file("questions.jsonl", &questions);
    project.run(&["run", "spec.yml"]).success().stderr("0 stages run");
    let project = project.file("questions.jsonl", &questions.replace("8 x 2", "8 x 3"));
    project
        .run(&["plan", "spec.yml"])
        .success()
        .stdout("dataset.content changed: 4 rows as before");
    project.run(&["run", "spec.yml"]).success();
    assert_eq!(simulator.metric("requests_total"), 28);
    let two = "{\"id\": 5, \"question\": \"one\"}\n{\"id\": 6, \"question\": \"two\"}\n";
    let project = project.file("questions.jsonl", &(questions.clone() + two));
    project.run(&["plan", "spec.yml"]).success().stdout("dataset.content changed: 2 rows added");
    let project = project.file("questions.jsonl", two);
    project.run(&["plan", "spec.yml"]).success().stdout("dataset.content changed: 2 rows fewer");
}

#[test]
fn a_damaged_artifact_is_made_again_and_a_lost_report_written_again() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    project.run(&["run", "spec.yml"]).success();
    let lock = project.read("sizer.lock");
    let digest = lock
        .split("[specs.\"spec.yml\".\"sweep@2\"]")
        .nth(1)
        .and_then(|stanza| stanza.split("digest = \"").nth(1)?.split('"').next())
        .unwrap();
    let object = project.path(&format!(".sizer/objects/{}/{}", &digest[..2], &digest[2..]));
    let mut bytes = std::fs::read(&object).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&object, bytes).unwrap();
    project
        .run(&["plan", "spec.yml"])
        .success()
        .stdout("sweep@2             run     artifact damaged");
    project.run(&["run", "spec.yml"]).success();
    assert_eq!(simulator.metric("requests_total"), 14 + 4);

    std::fs::remove_file(project.path("out/summary.md")).unwrap();
    project.run(&["run", "spec.yml"]).success().stderr("0 stages run");
    assert!(project.read("out/summary.md").contains("GPUs"));
}

#[test]
fn a_template_of_the_users_makes_a_report() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator)
        .file("mine.j2", "{{ result.spec.name }}: {{ result.levels | length }} levels\n");
    let set = ["run", "spec.yml", "--set", "outputs.reports=[{name: mine.txt, template: mine.j2}]"];
    project.run(&set).success();
    assert_eq!(project.read("out/mine.txt"), "test: 3 levels\n");
    let project = project.file("mine.j2", "{{ result.spec.name }}");
    project.run(&set).success().stderr("1 stage run");
    assert_eq!(project.read("out/mine.txt"), "test");

    let broken = project.file("mine.j2", "one\n{{ result.nope.name }}");
    let ended = broken.run(&set).code(2).stderr("mine.j2:2: undefined value");
    ended.stderr("Only a report failed; the next run measures nothing again");
    let endless = broken.file(
        "mine.j2",
        "{% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}",
    );
    endless.run(&set).code(2).stderr("mine.j2:1: it takes more than 5 million steps");
}
