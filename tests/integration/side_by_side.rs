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
fn no_spec_writes_its_reports_over_those_of_another() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    project.run(&["run", "spec.yml"]).success();
    let report = project.read("out/summary.md");
    for args in [["validate", "other.yml"], ["run", "other.yml"]] {
        let refused = project.run(&args).code(2);
        refused
            .stderr("out/summary.md is a report of `spec.yml`, and `other.yml` would write its own in its place")
            .stderr("such as out/other");
    }
    assert_eq!(simulator.metric("requests_total"), 2, "nothing is measured in vain");
    assert_eq!(project.read("out/summary.md"), report);
    // With a folder of its own, and where the other one has moved away or is no more.
    let set = ["--set", "outputs.dir=out/other"];
    project.run(&[&["run", "other.yml"], &set[..]].concat()).success();
    project.run(&["run", "spec.yml"]).success();
    let spec = project.read("spec.yml");
    let project = project.file("spec.yml", &format!("{spec}outputs: {{dir: elsewhere}}\n"));
    project.run(&["validate", "other.yml"]).success();
    let project = project.file("spec.yml", &spec);
    project.run(&["validate", "other.yml"]).code(2);
    std::fs::rename(project.path("spec.yml"), project.path("renamed.yml")).unwrap();
    project.run(&["run", "other.yml"]).success();
    project.run(&["validate", "renamed.yml"]).code(2).stderr("a report of `other.yml`");
}

#[test]
fn the_status_of_a_report_is_that_of_the_file_that_people_read() {
    let simulator = SimulatorProcess::fast();
    let project = project(&simulator);
    project.run(&["run", "spec.yml"]).success();
    project.run(&["status", "spec.yml"]).success().stdout("8 of 8 stages are current");
    std::fs::write(project.path("out/summary.md"), "another").unwrap();
    std::fs::remove_file(project.path("out/levels.csv")).unwrap();
    project
        .run(&["status", "spec.yml"])
        .success()
        .stdout("render@summary.md   another file is in its place")
        .stdout("render@levels.csv   made, but not in the output folder")
        .stdout("6 of 8 stages are current");
    project.run(&["render", "spec.yml"]).success();
    project.run(&["status", "spec.yml"]).success().stdout("8 of 8 stages are current");
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
