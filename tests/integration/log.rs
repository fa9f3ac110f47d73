//! What `--log` and `RUST_LOG` bring: lines on stderr for whoever asks, and nothing else anywhere.

use crate::support::{ANSWER, Scripted, Sizer, respond};

const TWO_RUNS: &str = "concurrency: {mode: burst, levels: [1], runs: 2}";

fn asking(server: &Scripted) -> Sizer {
    let workflow = format!(
        "{{type: openai, base_url: 'http://{}/v1?version=canary', model: m, stream: false, \
         connection: {{retries: 1, backoff: 1ms}}}}",
        server.address
    );
    Sizer::new().workflow(&workflow, TWO_RUNS)
}

fn server() -> Scripted {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    Scripted::start(move |socket, _| {
        let first = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        let status = if first { "503 Busy" } else { "200 OK" };
        respond(socket, status, ANSWER)
    })
}

#[test]
fn nothing_is_logged_unasked() {
    let server = server();
    let ended = asking(&server).run(&["run", "spec.yml", "--quiet"]).success();
    assert_eq!(ended.stderr, "");
}

#[test]
fn stages_connections_and_requests_are_told_at_debug() {
    let server = server();
    let project = asking(&server);
    let quiet = ["run", "spec.yml", "--quiet", "--log", "debug"];
    let first = project.run(&quiet).success();
    for part in [
        "DEBUG sizer::",
        "sweep@1: not there, key ",
        "INFO sizer::engine::run: sweep@1: begins",
        "sweep@1: ends after ",
        &format!("connecting to {}", server.address),
        &format!("connected to {}", server.address),
        &format!(": POST {}/v1/chat/completions", server.address),
        "request 1: 503 Service Unavailable after ",
        "request 1: tried again in 1ms: ",
        "request 1: over after ",
        ": 200 OK, ",
        ": first byte of the body after ",
    ] {
        assert!(first.stderr.contains(part), "{part} is missing: {}", first.stderr);
    }
    assert!(!first.stderr.contains("canary"), "a query is logged: {}", first.stderr);
    assert!(!first.stdout.contains("sizer::"), "{}", first.stdout);
    let second = project.run(&quiet).success();
    assert!(second.stderr.contains("sweep@1: there, key "), "{}", second.stderr);
    assert_eq!(first.stdout, second.stdout);
}

#[test]
fn the_flag_goes_before_the_variables() {
    let server = server();
    let project = asking(&server).env("RUST_LOG", "sizer=debug");
    let told = |project: &Sizer, more: &[&str]| {
        let ended = project.run(&[&["run", "spec.yml", "--quiet"], more].concat()).success();
        ended.stderr
    };
    assert!(told(&project, &[]).contains(" key "));
    assert_eq!(told(&project, &["--log", "off"]), "");
    let project = project.env("SIZER_LOG", "off");
    assert_eq!(told(&project, &[]), "");
    assert!(told(&project, &["--log", "debug"]).contains(" key "));
    let project = project.env("SIZER_LOG", "sizer=aloud");
    assert!(told(&project, &[]).contains("SIZER_LOG cannot be parsed"));
    project.run(&["run", "spec.yml", "--log", "aloud"]).code(2);
}

#[test]
fn processes_are_told_by_name_and_number_without_their_arguments() {
    let project = Sizer::new()
        .workflow("{type: command, run: [sh, '-c', 'exit 3', canary]}", TWO_RUNS)
        .env("SIZER_LOG", "debug");
    let ended = project.run(&["run", "spec.yml"]);
    let started = ended.stderr.lines().filter(|line| line.contains(" started: `sh`")).count();
    let over = ended.stderr.lines().filter(|line| line.contains(" ended: exit status: 3")).count();
    assert!(started >= 1 && started == over, "{}", ended.stderr);
    assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
}

#[test]
fn the_causes_of_a_failure_are_told_at_debug() {
    let project = Sizer::new().spec(
        "version: 1\nname: t\ndataset: {path: absent.jsonl}\nworkflow: {type: command, run: [cat]}\n\
         concurrency: {mode: burst, levels: [1], runs: 2}\n",
    );
    let plain = project.run(&["run", "spec.yml"]).code(2);
    assert!(!plain.stderr.contains("caused by"), "{}", plain.stderr);
    let told = project.run(&["run", "spec.yml", "--log", "debug"]).code(2);
    let at = |part: &str| {
        let found = told.stderr.find(part);
        found.unwrap_or_else(|| panic!("{part} is missing: {}", told.stderr))
    };
    let chain = [
        "failed: spec.yml:3:",
        "caused by: the dataset absent.jsonl cannot be read: No such file",
        "caused by: No such file or directory",
    ];
    assert!(chain.map(at).is_sorted(), "{}", told.stderr);
    // What people see stays as it is, and comes after it.
    assert!(told.stderr.ends_with(&plain.stderr), "{}", told.stderr);
}
