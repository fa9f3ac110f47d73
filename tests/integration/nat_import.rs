//! Configurations of NeMo Agent Toolkit as it loads them itself: bases, variables, prompts in
//! files, settings of the LLM.

use crate::support::Sizer;
use serde_json::{Value, json};

const REST: &str = "
workflow: {_type: chat_completion, llm_name: rig}
eval: {general: {dataset: {_type: json, file_path: d.json}}}
";

fn project(llm: &str) -> Sizer {
    Sizer::new()
        .file("d.json", "[{\"id\": 1, \"question\": \"a\"}]")
        .file("c.yml", &format!("llms:\n  rig:\n    _type: openai\n    base_url: http://gpu-rig.example:8000/v1\n{llm}{REST}"))
}

/// The workflow of the spec that comes of a configuration, which has to be a valid one.
fn workflow(project: &Sizer, config: &str) -> Value {
    let _ = std::fs::remove_file(project.path("s.yml"));
    project.run(&["import", "nat", config, "-o", "s.yml"]).success();
    project.run(&["validate", "s.yml"]).success();
    let plan = serde_yaml_of(&project.read("s.yml"));
    plan["workflow"].clone()
}

fn serde_yaml_of(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap()
}

#[test]
fn a_configuration_lies_over_its_base() {
    let base = format!(
        "llms: {{rig: {{_type: openai, model_name: small-model, base_url: 'http://gpu-rig.example:8000/v1', temperature: 0.0, max_tokens: 64}}}}\n{REST}"
    );
    let project = project("    model_name: m\n")
        .file("base.yml", &base)
        .file(
            "child.yml",
            &format!(
                "base: base.yml\nllms: {{rig: {{_type: openai, model_name: other-model}}}}\n{REST}"
            ),
        )
        .file("short.yml", "base: base.yml\nllms: {rig: {temperature: 0.9}}\n")
        .file("grandchild.yml", "base: ./short.yml\nworkflow: {system_prompt: Be brief.}\n")
        .file("circle.yml", "base: round.yml\n")
        .file("round.yml", "base: circle.yml\n")
        .file("lost.yml", "base: nowhere.yml\n")
        .file("list.yml", "base: [base.yml]\n");
    for (config, expected) in [
        ("child.yml", json!({"model": "other-model", "temperature": 0.0, "system": null})),
        ("short.yml", json!({"model": "small-model", "temperature": 0.9, "system": null})),
        (
            "grandchild.yml",
            json!({"model": "small-model", "temperature": 0.9, "system": "Be brief."}),
        ),
    ] {
        let workflow = workflow(&project, config);
        assert_eq!(workflow["base_url"], "http://gpu-rig.example:8000/v1", "{config}");
        assert_eq!(workflow["max_tokens"], 64, "{config}");
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(workflow[key], *value, "{config} {key}");
        }
    }
    // A base lies beside the file that names it, wherever sizer is called from.
    std::fs::create_dir(project.path("below")).unwrap();
    let project = project.file("below/c.yml", "base: ../base.yml\n");
    assert_eq!(workflow(&project, "below/c.yml")["model"], "small-model");
    for (config, message) in [
        ("circle.yml", "base: the configurations extend each other in a cycle"),
        ("lost.yml", "lost.yml: base: nowhere.yml cannot be read: No such file"),
        ("list.yml", "list.yml: base: write the path of one configuration"),
    ] {
        project.run(&["import", "nat", config]).code(2).stderr(message);
    }
}

#[test]
fn variables_are_filled_in_before_the_text_is_yaml() {
    let project = project(
        "    model_name: '${MODEL:-small-model}'\n    temperature: ${TEMP:-0.2}\n    max_tokens: ${MAX_TOKENS:-1024}\n    seed: ${SEED:-7}\n",
    )
    .file("dash.yml", "base: c.yml\nllms: {rig: {model_name: '${NOT_SET-dashed}'}}\n")
    .file("nested.yml", "base: c.yml\nllms: {rig: {model_name: \"${NOT_SET:-${NOT_SET_TOO:-nested}}\"}}\n")
    .file("flow.yml", "base: c.yml\nllms: {rig: {model_name: ${IN_FLOW}, max_tokens: $HOW_MANY}}\n")
    .file("odd.yml", "base: c.yml\nllms: {rig: {model_name: '${!MODEL}'}}\n")
    .env("MODEL", "")
    .env("IN_FLOW", "set-model")
    .env("HOW_MANY", "33");
    let plain = workflow(&project, "c.yml");
    assert_eq!(plain["model"], "small-model");
    assert_eq!((&plain["temperature"], &plain["max_tokens"]), (&json!(0.2), &json!(1024)));
    assert_eq!(plain["extra_body"], json!({"seed": 7}));
    assert_eq!(workflow(&project, "dash.yml")["model"], "dashed");
    assert_eq!(workflow(&project, "nested.yml")["model"], "nested");
    let flow = workflow(&project, "flow.yml");
    assert_eq!(
        (&flow["model"], &flow["max_tokens"]),
        (&json!("${env:IN_FLOW}"), &json!("${env:HOW_MANY}"))
    );
    let odd = project.run(&["import", "nat", "odd.yml"]).code(2);
    odd.stderr("model: `${!MODEL}` is not a form of variable that sizer knows");
}

#[test]
fn prompts_are_read_from_their_files() {
    let prompt = "You are careful. ".repeat(70);
    let project = project("    model_name: m\n")
        .file("file.yml", "base: c.yml\nworkflow: {system_prompt: 'file://prompt.txt'}\n")
        .file("lost.yml", "base: c.yml\nworkflow: {system_prompt: 'file://nowhere.txt'}\n")
        .file("code.yml", "base: c.yml\nworkflow: {system_prompt: 'file://c.yml'}\n")
        .file("prompt.txt", &prompt);
    assert_eq!(workflow(&project, "file.yml")["system"], prompt);
    let lost = project.run(&["import", "nat", "lost.yml"]).code(2);
    lost.stderr("lost.yml: system_prompt: nowhere.txt: it cannot be read: No such file");
    let code = project.run(&["import", "nat", "code.yml"]).code(2);
    code.stderr("a file with a prompt is named .txt, .md");
}

#[test]
fn settings_of_the_llm_are_carried_over_or_named() {
    let project = project(
        "    model_name: m\n    temperature: 0.0\n    max_completion_tokens: 99\n    extra_body: {ignore_eos: true}\n    \
         request_timeout: 30\n    stop: [END]\n    max_retries: 3\n    seed: null\n    \
         default_headers: {x-team: blue, x-api-key: canary}\n    thinking: true\n",
    )
    .file("nim.yml", "base: c.yml\nllms: {rig: {_type: nim}}\n");
    let carried = workflow(&project, "c.yml");
    assert_eq!(
        carried["extra_body"],
        json!({"max_completion_tokens": 99, "ignore_eos": true, "stop": ["END"]})
    );
    assert_eq!(
        (&carried["timeout"], &carried["headers"]),
        (&json!("30s"), &json!({"x-team": "blue"}))
    );
    let printed = project.run(&["import", "nat", "c.yml"]).success();
    printed.stderr(
        "not carried over from llms.rig: max_retries, default_headers.x-api-key, thinking;",
    );
    let nim = project.run(&["import", "nat", "nim.yml"]).success();
    assert!(!nim.stdout.contains("canary") && !nim.stderr.contains("canary"), "{nim:?}");
    nim.stdout("max_tokens: 300").stderr("the reference's default for a NIM");
}

#[test]
fn a_table_as_pandas_writes_it_is_a_dataset() {
    let project = project("    model_name: m\n")
        .file("d.json", r#"{"id":{"0":1,"1":2},"question":{"0":"a","1":"b"}}"#);
    project.run(&["import", "nat", "c.yml", "-o", "s.yml"]).success();
    project.run(&["validate", "s.yml"]).success().stdout("2 items");
}

#[test]
fn no_secret_in_plain_text_is_copied() {
    const P: &str = "hunter2passw0rdXYZ";
    for setting in [
        format!("    extra_body: {{nested: {{api_key: {P}}}}}\n"),
        format!("    model_kwargs: {{client_secret: {P}}}\n"),
        "    default_headers: {X-Custom: sk-proj-AbCdEf0123456789}\n".to_owned(),
    ] {
        let project = project(&format!("    model_name: m\n{setting}"));
        let ended = project.run(&["import", "nat", "c.yml", "-o", "s.yml"]).code(2);
        let ended = ended.stderr("would hold a secret in plain text, which is never copied");
        assert!(!ended.stderr.contains(P), "{setting}: {}", ended.stderr);
        assert!(!project.path("s.yml").exists(), "{setting}");
    }
    let address = format!("http://user:{P}@gpu-rig.example:8000/v1");
    let project = project("    model_name: m\n");
    let config = project.read("c.yml").replace("http://gpu-rig.example:8000/v1", &address);
    let project = project.file("c.yml", &config);
    let ended = project.run(&["import", "nat", "c.yml"]).code(2);
    assert!(!format!("{}{}", ended.stdout, ended.stderr).contains(P), "{ended:?}");
}
