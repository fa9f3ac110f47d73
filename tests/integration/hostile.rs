//! Input that nobody means well with: one error each, and never a crash.

use crate::support::Sizer;

const REST: &str = "concurrency: {mode: burst, levels: [1], passes: 1}";

#[track_caller]
fn one_error(project: &Sizer, args: &[&str], part: &str) {
    let ended = project.run(args).code(2);
    let ended = ended.stderr(part);
    assert!(!ended.stderr.contains("panicked") && ended.stderr.len() < 5_000, "{ended:#?}");
}

fn dataset(name: &str, text: &str) -> Sizer {
    let spec = format!(
        "version: 1\nname: test\ndataset: {{path: {name}}}\nworkflow: {{type: simulator}}\n{REST}\n"
    );
    Sizer::new().spec(&spec).file(name, text)
}

#[test]
fn endless_nesting() {
    let deep = "[".repeat(200_000);
    let objects = "{\"question\":".repeat(100_000);
    for (name, text, part) in [
        ("data.json", deep.clone(), "data.json:1:"),
        ("data.json", format!("[{{\"question\": {deep}"), "data.json:1:"),
        ("data.json", format!("// tolerant\n[{{\"question\": {deep}"), "data.json:2:"),
        ("data.json", format!("[{objects}"), "data.json:1:"),
        ("data.jsonl", objects.clone(), "data.jsonl:1:"),
    ] {
        one_error(&dataset(name, &text), &["validate", "spec.yml"], part);
    }
    let project = Sizer::new().spec(&format!("version: 1\nname: {deep}"));
    one_error(&project, &["validate", "spec.yml"], "not valid YAML");
    let project = Sizer::new().workflow("{type: simulator}", REST);
    let set = format!("targets={}", &deep[..50_000]);
    one_error(&project, &["validate", "spec.yml", "--set", &set], "not valid YAML");
    let project = project.file("sizer.toml", &format!("a = {deep}"));
    one_error(&project, &["validate", "spec.yml"], "not valid TOML");
}

#[test]
fn aliases_that_multiply() {
    let line = |level: usize| match level {
        0 => "a0: &a0 [x, x, x, x, x, x, x, x]\n".to_owned(),
        _ => format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 8].join(", ")),
    };
    let text: String = (0..12).map(line).collect();
    one_error(&Sizer::new().spec(&text), &["validate", "spec.yml"], "not valid YAML");
}

#[test]
fn datasets_that_are_none() {
    for (text, part) in [
        ("", "data.json:1:1"),
        ("{}", "array of objects"),
        ("[1, 2]", "array of objects"),
        ("[]", "it has no rows"),
        ("[{\"question\": \"a\"} {\"question\": \"b\"}]", "data.json:1:"),
        ("[{\"question\": \"a\"", "data.json:1:"),
    ] {
        one_error(&dataset("data.json", text), &["validate", "spec.yml"], part);
    }
    let project = dataset("data.json", "");
    std::fs::write(project.path("data.json"), b"[{\"question\":\n \"\xff\"}]").unwrap();
    one_error(&project, &["validate", "spec.yml"], "data.json:2:3: this is not UTF-8");
}

#[test]
fn files_that_are_far_too_large() {
    let project = Sizer::new().workflow("{type: simulator}", &format!("include: big.yml\n{REST}"));
    // Cut off at a limit this would be a valid spec without its last key.
    let big = format!("{}targets: {{users: 5}}\n", "# comment\n".repeat(150_000));
    let project = project.file("big.yml", &big);
    one_error(&project, &["validate", "spec.yml"], "larger than 1 MiB");

    let fast = "{type: simulator, engine: {base: 1ms}, output_tokens: 1}";
    let project = Sizer::new().workflow(fast, REST).file("big.j2", &"x".repeat(5 << 20));
    project.run(&["run", "spec.yml"]).success();
    one_error(&project, &["render", "spec.yml", "--template", "big.j2"], "larger than 4 MiB");
}

#[test]
fn a_template_that_grows_with_an_item_is_stopped_at_that_item() {
    let server = crate::support::Scripted::start(|socket, _| {
        crate::support::respond(socket, "200 OK", "{}")
    });
    let body = "{% set ns = namespace(s=\"x\") %}{% for i in range(item.n) %}{% set ns.s = [ns.s, ns.s]|join %}{% endfor %}{{ ns.s|length }}";
    let project = crate::support::Sizer::new()
        .file(
            "questions.jsonl",
            "{\"question\": \"a\", \"n\": 1}\n{\"question\": \"b\", \"n\": 28}\n",
        )
        .workflow(
            &format!("{{type: http, url: 'http://{}/x', body: '{body}'}}", server.address),
            "concurrency: {mode: burst, levels: [1], runs: 2}",
        );
    project.run(&["run", "spec.yml"]);
    let failures = project.result()["levels"][0]["failures"].to_string();
    assert!(failures.contains("engine ran out of fuel"), "{failures}");
    assert_eq!(server.requests.lock().unwrap().len(), 1, "the first item is asked");
}
