//! Several specs in one folder.

use crate::support::{SimulatorProcess, Sizer};

fn project(simulator: &SimulatorProcess) -> Sizer {
    let address = simulator.address;
    let workflow = format!("{{type: openai, base_url: \"http://{address}/v1\", model: m}}");
    let project =
        Sizer::new().workflow(&workflow, "concurrency: {mode: burst, levels: [1], passes: 2}");
    let other = project.read("spec.yml").replace("model: m", "model: other");
    project.file("other.yml", &other)
}

#[test]
fn a_report_of_two_specs_is_said_to_be_one() {
    const SAID: &str = "out/summary.md is a report of `spec.yml` as well as of `other.yml`";
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    let alone = project.run(&["run", "spec.yml"]).success();
    assert!(!alone.stderr.contains("outputs.dir"), "{alone:#?}");
    let other = project.run(&["run", "other.yml"]).success();
    other.stderr(SAID).stderr("such as out/other");
    // What asks for no report says nothing of them; whose report it is, the status knows.
    let asked = project.run(&["estimate", "other.yml"]);
    assert!(!asked.stderr.contains("outputs.dir"), "{asked:#?}");
    let status = project.run(&["status", "spec.yml"]).success();
    status.stdout("render@result.json  another file is in its place");
    project.run(&["status", "other.yml"]).success().stdout("9 of 9 stages are current");
    // With a folder of its own, and where the other one has moved away or is no more.
    let project_alone = |project: &Sizer, args: &[&str]| {
        let ended = project.run(args).success();
        assert!(!ended.stderr.contains("such as out/"), "{ended:#?}");
    };
    project_alone(&project, &["run", "other.yml", "--set", "outputs.dir=out/other"]);
    project_alone(&project, &["run", "spec.yml"]);
    let spec = project.read("spec.yml");
    let project = project.file("spec.yml", &format!("{spec}outputs: {{dir: elsewhere}}\n"));
    project_alone(&project, &["run", "other.yml"]);
    std::fs::remove_file(project.path("spec.yml")).unwrap();
    project_alone(&project, &["run", "other.yml"]);
}

#[test]
fn the_status_of_a_report_is_that_of_the_file_that_people_read() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    project.run(&["run", "spec.yml"]).success();
    project.run(&["status", "spec.yml"]).success().stdout("9 of 9 stages are current");
    std::fs::write(project.path("out/summary.md"), "another").unwrap();
    std::fs::remove_file(project.path("out/levels.csv")).unwrap();
    project
        .run(&["status", "spec.yml"])
        .success()
        .stdout("render@summary.md   another file is in its place")
        .stdout("render@levels.csv   made, but not in the output folder")
        .stdout("7 of 9 stages are current");
    project.run(&["render", "spec.yml"]).success();
    project.run(&["status", "spec.yml"]).success().stdout("9 of 9 stages are current");
}

/// A profile is the same spec in another form; it may write where the spec does.
#[test]
fn profiles_of_a_spec_share_its_reports() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    let spec = project.read("spec.yml");
    let project = project
        .file("spec.yml", &format!("{spec}profiles: {{ci: {{concurrency: {{passes: 1}}}}}}\n"));
    project.run(&["run", "spec.yml"]).success();
    project.run(&["run", "spec.yml", "--profile", "ci"]).success();
    project
        .run(&["status", "spec.yml"])
        .success()
        .stdout("render@summary.md   another file is in its place");
}
