//! Every spec that sizer writes by itself is one that it takes.

use crate::support::{SimulatorProcess, Sizer};
use serde_json::{Value, json};

const REST: &str = "
workflow: {_type: chat_completion, llm_name: rig}
eval: {general: {dataset: {_type: json, file_path: d.json}}}
";

fn project() -> Sizer {
    Sizer::new().file("d.json", "[{\"id\": 1, \"question\": \"a\", \"q\": \"b\"}]")
}

fn config(settings: &str) -> String {
    format!(
        "llms:\n  rig:\n    _type: openai\n    model_name: m\n    base_url: http://gpu-rig.example:8000/v1\n{settings}{REST}"
    )
}

/// The workflow of the spec that comes of a configuration.
fn imported(project: &Sizer, text: &str) -> Value {
    std::fs::write(project.path("c.yml"), text).unwrap();
    let _ = std::fs::remove_file(project.path("s.yml"));
    project.run(&["import", "nat", "c.yml", "-o", "s.yml"]).success();
    let valid = project.run(&["validate", "s.yml"]);
    assert_eq!(valid.code, Some(0), "{text}\n{}\n{valid:#?}", project.read("s.yml"));
    serde_yaml::from_str(&project.read("s.yml")).unwrap()
}

#[test]
fn settings_are_typed_whether_they_stand_in_quotes_or_not() {
    let project = project().env("SEED", "7").env("YES", "true").env("API_KEY", "12345678");
    for (setting, at, expected) in [
        ("temperature: \"${TEMP:-0.5}\"", "/temperature", json!(0.5)),
        ("temperature: '0.5'", "/temperature", json!(0.5)),
        ("temperature: ${TEMP:-0}", "/temperature", json!(0)),
        ("temperature: \"1e-1\"", "/temperature", json!(0.1)),
        ("max_tokens: \"${MOST:-64}\"", "/max_tokens", json!(64)),
        ("max_tokens: 64.0", "/max_tokens", json!(64)),
        ("max_tokens: 1_000", "/max_tokens", json!(1000)),
        ("max_tokens: \"${SEED}\"", "/max_tokens", json!("${env:SEED}")),
        ("seed: \"${OTHER:-9}\"", "/extra_body/seed", json!(9)),
        ("seed: ${SEED}", "/extra_body/seed", json!(7)),
        ("seed: \"${SEED}\"", "/extra_body/seed", json!(7)),
        ("top_p: \"${TOP:-.9}\"", "/extra_body/top_p", json!(0.9)),
        ("parallel_tool_calls: \"${P:-no}\"", "/extra_body/parallel_tool_calls", json!(false)),
        ("stop: \"${STOP:-END}\"", "/extra_body/stop", json!("END")),
        ("extra_body: {ignore_eos: $YES, word: '$YES'}", "/extra_body/ignore_eos", json!(true)),
        ("extra_body: {ignore_eos: $YES, word: '$YES'}", "/extra_body/word", json!("${env:YES}")),
        ("request_timeout: \"${LIMIT:-30}\"", "/timeout", json!("30s")),
        ("api_key: ${API_KEY}", "/api_key", json!("${env:API_KEY}")),
        ("api_key: \"${NO_KEY:-}\"", "/api_key", Value::Null),
        ("default_headers: {x-team: '${TEAM:-7}'}", "/headers/x-team", json!("7")),
    ] {
        let spec = imported(&project, &config(&format!("    {setting}\n")));
        let found = spec["workflow"].pointer(at).cloned().unwrap_or_default();
        assert_eq!(found, expected, "{setting}");
    }
    // Whatever a text looks like, it stays one.
    for word in [
        "yes",
        "on",
        "0x10",
        "1e3",
        ".inf",
        "~",
        "null",
        "=",
        "- a",
        "a: b",
        "#c",
        "2026-01-01",
        "1_0",
        "é\\u0007",
    ] {
        let text = config("").replace("model_name: m", &format!("model_name: \"{word}\""));
        let spec = imported(&project, &text);
        assert!(spec["workflow"]["model"].is_string(), "{word}: {spec}");
    }
}

#[test]
fn datasets_are_typed_as_well() {
    let project = project();
    for (dataset, at, expected) in [
        (
            "{_type: json, file_path: \"${DATA:-d.json}\", structure: {disable: \"${ALL:-true}\"}}",
            "/whole_row",
            json!(true),
        ),
        (
            "{_type: json, file_path: d.json, structure: {disable: off, question_key: \"${Q:-q}\"}}",
            "/question_key",
            json!("q"),
        ),
        (
            "{file_path: d.json, filter: {allowlist: {field: {id: [\"${ID:-1}\"]}}}}",
            "/filter/allow/id",
            json!(["1"]),
        ),
        ("d.json", "/format", json!("json")),
    ] {
        let text = config("").replace("{_type: json, file_path: d.json}", dataset);
        let spec = imported(&project, &text);
        assert_eq!(spec["dataset"].pointer(at), Some(&expected), "{dataset}");
    }
}

#[test]
fn a_spec_that_would_be_refused_is_not_written() {
    let project = project().env("NO_NUMBER", "canary-7f3d");
    for (setting, message) in [
        ("temperature: \"${TEMP:-warm}\"", "llms.rig.temperature: \"warm\" is not a number"),
        ("max_tokens: -1", "c.yml: its spec would be refused: workflow.max_tokens: "),
        ("seed: $NO_NUMBER", "llms.rig.seed: the value of the variable is not a whole number"),
        (
            "base_url: 'http://me:canary-7f3d@h/v1'",
            "c.yml: workflow.base_url of the spec would hold a secret in plain text, which is never copied",
        ),
        ("base_url: no address", "c.yml: its spec would be refused: workflow.base_url"),
        (
            "extra_body: {token: canary-7f3d}",
            "c.yml: workflow.extra_body.token of the spec would hold a secret in plain text",
        ),
        ("request_timeout: 0", "c.yml: its spec would be refused: workflow.timeout"),
    ] {
        let text = config("").replace(REST, &format!("    {setting}\n{REST}"));
        let text = if setting.starts_with("base_url") {
            text.replace("    base_url: http://gpu-rig.example:8000/v1\n", "")
        } else {
            text
        };
        std::fs::write(project.path("c.yml"), text).unwrap();
        let ended = project.run(&["import", "nat", "c.yml", "-o", "s.yml"]).code(2).stderr(message);
        assert!(!ended.stderr.contains("canary-7f3d"), "{}", ended.stderr);
        assert!(!project.path("s.yml").exists(), "{setting}");
    }
    let refused = project.run(&["import", "nat", "c.yml", "--endpoint", "nowhere at all"]).code(2);
    refused.stderr("its spec would be refused: workflow.base_url");
}

#[test]
fn what_init_calc_and_trace_write_is_valid() {
    let simulator = SimulatorProcess::fast();
    let project = project().file(
        "c.yml",
        &config("    temperature: \"${TEMP:-0.5}\"\n")
            .replace("gpu-rig.example:8000", &simulator.address.to_string()),
    );
    project.run(&["init", "new"]).success();
    project.run(&["validate", "new/sizer.yml"]).success();
    std::fs::create_dir(project.path("specs")).unwrap();
    for (file, dir, expected) in [
        ("specs/one.yml", None, "out"),
        ("specs/two.yml", Some("results/calc"), "../results/calc"),
        ("three.yml", Some("results"), "results"),
        ("specs/four.yml", Some("specs"), "."),
    ] {
        let mut args =
            vec!["calc", "--config", "c.yml", "--concurrencies", "1,2", "--emit-spec", file];
        args.extend(dir.into_iter().flat_map(|dir| ["--calc_output_dir", dir]));
        project.run(&args).success();
        project.run(&["validate", file]).success();
        let spec: Value = serde_yaml::from_str(&project.read(file)).unwrap();
        assert_eq!(spec["outputs"]["dir"], expected, "{file}");
    }
    project.run(&["run", "specs/two.yml"]);
    assert!(project.path("results/calc/calc_runner_output.json").exists());
    project.run(&["trace", "three.yml", "-o", "chain.yml", "--runs", "2"]).success();
    project.run(&["validate", "chain.yml"]).success();
}
