//! What `diff` says of a list of levels that changed.

use crate::support::{SimulatorProcess, Sizer};
use serde_json::Value;

#[test]
fn another_list_of_levels_is_told_in_plain_words() {
    let simulator = SimulatorProcess::fast();
    let workflow =
        format!("{{type: openai, base_url: \"http://{}/v1\", model: m}}", simulator.address);
    let rest = |levels: &str| {
        format!(
            "concurrency: {{levels: {levels}, passes: 4}}\ntest: {{gpu_count: 1}}\n\
             targets: {{users: 20, workflow_runtime: 1s}}"
        )
    };
    let project = Sizer::new().workflow(&workflow, &rest("[1, 2, 4]"));
    project.run(&["run", "spec.yml", "--quiet"]).success();
    let history = project.run(&["history", "spec.yml", "--format", "json"]).success().stdout;
    let history: Value = serde_json::from_str(&history).unwrap();
    let first = history[0]["id"].as_str().unwrap();
    let project = project.workflow(&workflow, &rest("[1, 2, 8]"));
    project.run(&["run", "spec.yml", "--quiet"]).success();
    let json = project.run(&["diff", "spec.yml", first, "--format", "json"]).success().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    let notes: Vec<(u64, &str)> = json["levels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|level| (level["concurrency"].as_u64().unwrap(), level["note"].as_str().unwrap()))
        .collect();
    // The lock file may know 4 still, the spec does not.
    let expected = [(1, "the same runs"), (2, "the same runs"), (4, "gone"), (8, "new")];
    assert_eq!(notes, expected, "{json:#}");
    let diff = project.run(&["diff", "spec.yml", first]).success();
    let diff = diff.stdout("levels: 1, 2, 4 → 1, 2, 8");
    assert!(!diff.stdout.contains("Listed"), "{diff:#?}");
    let adaptive = ["--set", "concurrency.levels=adaptive", "--set", "concurrency.budget=40"];
    let diff = project.run(&[&["diff", "spec.yml", first][..], &adaptive].concat()).success();
    diff.stdout("levels: 1, 2, 4 → adaptive with budget");
}

#[test]
fn a_secret_in_the_query_of_an_address_is_refused() {
    let spec = |query: &str| {
        format!("{{type: openai, base_url: 'http://127.0.0.1:1/v1?{query}', model: m}}")
    };
    for query in ["token=sk-canary-4711", "x=sk-canary-4711", "api_key=canary-4711"] {
        let project = Sizer::new().workflow(&spec(query), "concurrency: {levels: [1]}");
        let refused = project.run(&["validate", "spec.yml"]).code(2);
        let refused = refused.stderr("the address holds a secret in plain text");
        assert!(!format!("{refused:?}").contains("canary"), "{refused:#?}");
    }
    let plain = Sizer::new().workflow(&spec("version=2"), "concurrency: {levels: [1]}");
    plain.run(&["validate", "spec.yml"]).success();
    for query in ["token=sk-canary-4711", "x=sk-canary-4711"] {
        let set = format!("workflow.base_url=http://127.0.0.1:1/v1?{query}");
        let refused = plain.run(&["validate", "spec.yml", "--set", &set]);
        assert_ne!(refused.code, Some(0), "{refused:#?}");
        assert!(!format!("{refused:?}").contains("canary"), "{refused:#?}");
    }
    let by_reference = Sizer::new()
        .workflow(&spec("token=${env:API_TOKEN}"), "concurrency: {levels: [1]}")
        .env("API_TOKEN", "canary");
    by_reference.run(&["validate", "spec.yml"]).success();
}
