//! Questions without an answer: how commands end, and what machines read of them.

use crate::answers::{hockey, sweep};
use crate::support::Sizer;
use serde_json::Value;

/// A recording that shows where its limit is, up to some level.
fn project(levels: &[u32], rest: &str) -> Sizer {
    Sizer::new().file("runs.csv", &sweep(levels, hockey)).spec(&format!(
        "version: 1\nname: test\nworkflow: {{type: recorded, path: runs.csv}}\n{rest}\n"
    ))
}

const ALL: [u32; 8] = [1, 2, 4, 8, 16, 24, 32, 48];

#[test]
fn strict_ends_with_1_where_no_number_of_gpus_is_told() {
    let no_users = "test: {gpu_count: 1}\ntargets: {workflow_runtime: 2s}";
    let no_gpus = "targets: {users: 100, workflow_runtime: 2s}";
    for rest in [no_users, no_gpus] {
        let project = project(&ALL, rest);
        project.run(&["run", "spec.yml", "--quiet"]).success();
        project.run(&["run", "spec.yml", "--quiet", "--strict"]).code(1);
        project.run(&["estimate", "spec.yml", "--strict"]).code(1);
    }
    let whole = project(&ALL, "test: {gpu_count: 1}\ntargets: {users: 100, workflow_runtime: 2s}");
    whole.run(&["run", "spec.yml", "--quiet", "--strict"]).success();
}

#[test]
fn what_if_ends_as_run_does_where_a_limit_is_out_of_reach() {
    let project =
        project(&ALL, "test: {gpu_count: 1}\ntargets: {users: 100, workflow_runtime: 500ms}");
    project.run(&["run", "spec.yml", "--quiet"]).code(3);
    project.run(&["estimate", "spec.yml"]).code(3);
    project.run(&["what-if", "spec.yml"]).code(3);
    project.run(&["what-if", "spec.yml", "--workflow-runtime", "400ms,600ms"]).code(3);
    project.run(&["what-if", "spec.yml", "--workflow-runtime", "400ms,2s"]).success();
    project.run(&["what-if", "spec.yml", "--ttft", "2s"]).code(3);
}

#[test]
fn an_unsettled_answer_has_ends_and_recommends_nothing() {
    let project =
        project(&[1, 2, 4], "test: {gpu_count: 1}\ntargets: {users: 100, workflow_runtime: 2s}");
    let ended = project.run(&["run", "spec.yml", "--quiet"]).success();
    ended.stdout("unsettled, at most 25 GPUs");
    let told = &project.result()["estimates"][0];
    // The model's figure stands there, beside the grade and what is known.
    assert!(told["gpus"]["point"].is_number() && told["gpus"]["recommended"].is_null());
    assert_eq!((&told["grade"], &told["gpus"]["at_most"]), (&"unsettled".into(), &25.0.into()));
    let json = project.run(&["what-if", "spec.yml", "--format", "json"]).code(1);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["cases"][0]["gpus"]["point"], Value::Null);
    assert_eq!(json["cases"][0]["gpus"]["at_most"], 25.0);
    let csv = project.run(&["what-if", "spec.yml", "--format", "csv"]).code(1).stdout;
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    let cell = |name: &str| rows[1][rows[0].iter().position(|it| *it == name).unwrap()];
    assert_eq!([cell("gpus_point"), cell("gpus_at_least"), cell("gpus_at_most")], ["", "", "25"]);
}
