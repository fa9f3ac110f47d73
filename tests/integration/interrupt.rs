//! Ctrl-C keeps every finished level, and the next run goes on from there.

use crate::support::{SimulatorProcess, Sizer};
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn ctrl_c_keeps_finished_levels() {
    let simulator = SimulatorProcess::start(&["engine.base=5ms", "output_tokens=20"]);
    let workflow =
        format!("{{type: openai, base_url: \"http://{}/v1\", model: m}}", simulator.address);
    let project = Sizer::new()
        .workflow(&workflow, "concurrency: {mode: burst, levels: [1, 2, 3], passes: 4}");
    let child = project.command(&["run", "spec.yml"]).stderr(Stdio::piped()).spawn().unwrap();
    // Four runs at concurrency 1, eight at 2: the fifteenth is in the third level.
    while simulator.metric("requests_total") < 15 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("2 levels are finished and kept"), "{stderr}");
    let before = simulator.metric("requests_total");
    // sweep@3, level@3, fit, estimate and three reports are left.
    project.run(&["run", "spec.yml"]).success().stderr("8 stages run, 5 cached");
    assert_eq!(simulator.metric("requests_total") - before, 12);
}
