//! A canary secret must come out nowhere but on the wire.

use crate::support::{Scripted, Sizer, holds, respond};
use std::sync::atomic::{AtomicUsize, Ordering};

const KEY: &str = "canary-7f3d-key";
const HEADER: &str = "canary-7f3d-header";
const PASSWORD: &str = "canary-7f3d-password";

#[test]
fn secrets_reach_the_server_and_nothing_else() {
    // A hostile or careless server: it sends back all that it was sent, in an error.
    let asked = AtomicUsize::new(0);
    let server = Scripted::start(move |socket, _| {
        if asked.fetch_add(1, Ordering::SeqCst) == 0 {
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

#[test]
fn what_stands_before_the_at_sign_leads_to_no_other_host() {
    use base64::Engine;
    let other = Scripted::start_any(|socket| respond(socket, "200 OK", crate::support::ANSWER));
    let server = Scripted::start(|socket, _| respond(socket, "200 OK", crate::support::ANSWER));
    let (user, password) = (format!("me@{}/x?", other.address), format!("p@{}/#w", other.address));
    for address in ["${env:WHO}:${env:TEST_PASSWORD}@SERVER/v1", "${env:TEST_AUTH}@SERVER/v1"] {
        let address = address.replace("SERVER", &server.address.to_string());
        let project = Sizer::new()
            .workflow(
                &format!("{{type: openai, base_url: 'http://{address}', model: m, stream: false}}"),
                "concurrency: {mode: burst, levels: [1], passes: 1}",
            )
            .env("WHO", &user)
            .env("TEST_PASSWORD", &password)
            .env("TEST_AUTH", &format!("me:{password}"));
        project.run(&["run", "spec.yml"]).success();
        let request = server.requests.lock().unwrap().pop().unwrap();
        let basic = request.lines().find_map(|line| line.strip_prefix("authorization: Basic "));
        let sent = base64::prelude::BASE64_STANDARD.decode(basic.unwrap().trim()).unwrap();
        let who = if address.contains("WHO") { &user } else { "me" };
        assert_eq!(String::from_utf8(sent).unwrap(), format!("{who}:{password}"));
    }
    assert!(other.requests.lock().unwrap().is_empty());
}

#[test]
fn a_download_takes_no_signature_to_another_host() {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = std::sync::Arc::clone(&seen);
    let other = Scripted::start_any(move |socket| {
        log.lock().unwrap().push(crate::support::last_request());
        respond(socket, "200 OK", crate::support::QUESTIONS)
    });
    let to = other.address;
    let first = Scripted::start_any(move |socket| {
        respond(socket, &format!("302 Found\r\nlocation: http://{to}/there"), "")
    });
    let project = Sizer::new().spec(&format!(
        "version: 1\nname: t\ndataset: {{path: 'http://{}/d.jsonl?signature={KEY}', format: jsonl}}\n\
         workflow: {{type: command, run: [cat]}}\nconcurrency: {{mode: burst, levels: [1], passes: 1}}\n",
        first.address
    ));
    let ended = project.run(&["run", "spec.yml"]).success();
    assert!(!format!("{ended:?}").contains(KEY), "{ended:?}");
    let requests = seen.lock().unwrap().join("\n").to_ascii_lowercase();
    assert!(requests.contains("get /there"), "{requests}");
    assert!(!requests.contains("referer") && !requests.contains(KEY), "{requests}");
    for file in project.files().iter().filter(|file| !file.ends_with("spec.yml")) {
        assert!(!holds(file, KEY), "{}", file.display());
    }
}
