//! A canary secret must come out nowhere but on the wire.

use crate::support::{Scripted, Sizer, holds, respond};

const KEY: &str = "canary-7f3d-key";
const HEADER: &str = "canary-7f3d-header";
const PASSWORD: &str = "canary-7f3d-password";

#[test]
fn secrets_reach_the_server_and_nothing_else() {
    // A hostile or careless server: it sends back all that it was sent, in an error.
    let server = Scripted::start(|socket, number| {
        if number == 1 {
            return respond(socket, "200 OK", crate::support::ANSWER);
        }
        let echo =
            format!("{{\"error\": \"bad key {KEY}, header {HEADER}, password {PASSWORD}\"}}");
        respond(socket, "401 Unauthorized", &echo)
    });
    let workflow = format!(
        "{{type: openai, base_url: \"http://me:${{env:TEST_PASSWORD}}@{}/v1\", model: m, stream: false, \
         api_key: \"${{env:TEST_KEY}}\", headers: {{x-extra: \"Token ${{env:TEST_HEADER}}\"}}}}",
        server.address
    );
    let project = Sizer::new()
        .workflow(&workflow, "concurrency: {mode: burst, levels: [1, 2], passes: 3}")
        .env("TEST_KEY", KEY)
        .env("TEST_HEADER", HEADER)
        .env("TEST_PASSWORD", PASSWORD);
    let mut printed = String::new();
    for args in [
        &["run", "spec.yml"][..],
        &["run", "spec.yml", "--format", "json"],
        &["plan", "spec.yml", "--set", "workflow.model=other"],
        &["validate", "spec.yml", "--set", "workflow.timeout=soon"],
        &["graph", "spec.yml"],
        &["status", "spec.yml"],
        &["history", "spec.yml"],
        &["show", "spec.yml", "sweep"],
        &["diff", "spec.yml", "sizer.lock"],
        &["gc", "spec.yml", "--dry-run", "--keep-last", "0"],
    ] {
        let ended = project.run(args);
        printed += &ended.stdout;
        printed += &ended.stderr;
    }
    let sent = server.requests.lock().unwrap().join("\n");
    assert!(
        sent.contains(&format!("Bearer {KEY}")) && sent.contains(&format!("Token {HEADER}")),
        "{sent}"
    );
    assert!(printed.contains("bad key ***"), "{printed}");
    for secret in [KEY, HEADER, PASSWORD] {
        assert!(!printed.contains(secret), "{secret} was printed: {printed}");
        for file in project.files() {
            assert!(!holds(&file, secret), "{secret} is in {}", file.display());
        }
    }
}

#[test]
fn a_secret_in_plain_text_is_refused_and_not_quoted() {
    for workflow in [
        format!("{{type: openai, base_url: \"http://h/v1\", model: m, api_key: {KEY}}}"),
        format!("{{type: openai, base_url: \"http://me:{KEY}@h/v1\", model: m}}"),
        format!(
            "{{type: openai, base_url: \"http://h/v1\", model: m, headers: {{Authorization: Bearer {KEY}}}}}"
        ),
        format!("{{type: openai, base_url: \"http://h/v1\", model: m, api_kye: {KEY}}}"),
        format!("{{type: openai, base_url: \"http://h/v1\", model: 7, api_key: \"{KEY}\"}}"),
        format!(
            "{{type: openai, base_url: \"http://h/v1\", model: m, extra_body: {{token: {KEY}}}}}"
        ),
    ] {
        let project = Sizer::new().workflow(&workflow, "concurrency: {mode: burst, levels: [1]}");
        let ended = project.run(&["run", "spec.yml"]).code(2);
        assert!(!ended.stderr.contains(KEY), "{}", ended.stderr);
    }
}

#[test]
fn changing_a_secret_changes_no_key() {
    let server = Scripted::start(|socket, _| respond(socket, "200 OK", crate::support::ANSWER));
    let workflow = format!(
        "{{type: openai, base_url: \"http://{}/v1\", model: m, stream: false, api_key: \"${{env:TEST_KEY}}\"}}",
        server.address
    );
    let project = Sizer::new()
        .workflow(&workflow, "concurrency: {mode: burst, levels: [1], passes: 1}")
        .env("TEST_KEY", KEY);
    project.run(&["run", "spec.yml"]).success();
    let project = project.env("TEST_KEY", HEADER);
    project.run(&["run", "spec.yml"]).success().stderr("0 stages run");
}
