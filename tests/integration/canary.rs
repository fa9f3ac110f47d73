//! The canary table: every way in by which a secret can come back, against everything that sizer
//! writes. Sinks are made from the program's own lists (commands, their formats, built-in reports), so a
//! new one fails here until it is in the table.

#![allow(clippy::format_collect, reason = "short texts of a test")]

use crate::nat_host::installed;
use crate::support::{Ended, Scripted, Sizer, free_port, holds, last_request, respond};
use crate::worker::{fed, order};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Not the same in a header, in JSON, in an address or in base64.
pub(crate) const CANARY: &str = "ca\"na@/7f3d9e55aa+%2ry";
/// Its middle, which is the same in all of them but base64.
const MIDDLE: &str = "7f3d9e55aa";
/// Clears the screen, in two ways, and turns what follows around.
pub(crate) const PAINT: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}";

/// A way in.
struct Source {
    name: &'static str,
    /// The workflow before a server.
    workflow: fn(SocketAddr) -> String,
    /// The rest of the spec.
    rest: &'static str,
    /// What the server answers each request with.
    answer: fn(&mut std::net::TcpStream) -> bool,
}

const ONE: &str = "concurrency: {mode: burst, levels: [1], runs: 2, on_failure: {tolerate: 90%}}";

fn openai(address: SocketAddr) -> String {
    format!(
        "{{type: openai, base_url: 'http://{address}/v1', model: m, stream: false, api_key: '${{env:API_KEY}}'}}"
    )
}

fn command(script: &str) -> String {
    let script = serde_json::to_string(script).unwrap();
    format!("{{type: command, shell: true, run: [{script}], env: {{OWN: '${{env:API_KEY}}'}}}}")
}

/// The source whose project has a toolkit that runs its configuration.
const HOST: &str = "host of a configuration";

/// All forms in which a careless server can quote a secret.
pub(crate) fn quoted() -> String {
    let json = json!(CANARY).to_string();
    let percent: String = CANARY.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let basic = BASE64_STANDARD.encode(format!("me:{CANARY}"));
    let twice = json!(json).to_string();
    format!("{PAINT} {CANARY} {json} {twice} {percent} {basic} {}", BASE64_STANDARD.encode(CANARY))
}

pub(crate) fn refuse(socket: &mut std::net::TcpStream) -> bool {
    respond(socket, "401 Unauthorized", &quoted())
}

/// The key is where the text is cut.
fn refuse_at_length(socket: &mut std::net::TcpStream) -> bool {
    let sent = last_request().lines().count();
    respond(socket, "500 No", &format!("{}{CANARY} {sent}", "p".repeat(288)))
}

fn answer_with_words(socket: &mut std::net::TcpStream) -> bool {
    let choice = json!({ "message": { "content": "a" }, "finish_reason": CANARY });
    let body = json!({ "model": CANARY, "choices": [choice] });
    respond(socket, "200 OK", &body.to_string())
}

fn break_off(socket: &mut std::net::TcpStream) -> bool {
    respond(socket, "200 OK", &format!("{} not JSON", quoted()))
}

/// Steps that last as long as the run, so that every report shows them.
fn report_steps(socket: &mut std::net::TcpStream) -> bool {
    std::thread::sleep(std::time::Duration::from_millis(40));
    let line = |event: &str, id: &str, name: &str, at: f64| {
        let payload = json!({ "event_timestamp": at }).to_string();
        let step = json!({ "type": event, "id": id, "name": name, "payload": payload });
        format!("intermediate_data: {step}\n\n")
    };
    let name = format!("{CANARY} {PAINT}");
    let body = [
        line("LLM_START", "l", &name, 10.0),
        line("TOOL_START", "t", &format!("{}{CANARY}", "p".repeat(90)), 10.0),
        line("LLM_END", "l", &name, 10.02),
        line("TOOL_END", "t", "", 10.04),
        "data: {\"value\": 1}\n\n".to_owned(),
    ];
    respond(socket, "200 OK", &body.concat())
}

fn report_an_error(socket: &mut std::net::TcpStream) -> bool {
    respond(socket, "200 OK", &json!({ "error": { "message": quoted() } }).to_string())
}

fn redirect(socket: &mut std::net::TcpStream) -> bool {
    let status = format!("302 Found\r\nlocation: http://other/?key={}", CANARY.replace('"', "%22"));
    respond(socket, &status, &quoted())
}

fn later(socket: &mut std::net::TcpStream) -> bool {
    respond(socket, &format!("429 Too Many\r\nretry-after: {CANARY}"), "")
}

fn chain(address: SocketAddr, step: &str) -> String {
    format!(
        "{{type: chain, model: m, llm: {{upstream: 'http://{address}/v1', api_key: '${{env:API_KEY}}'}}, steps: [{step}]}}"
    )
}

/// A server that is there: it says what it was told, and is then one of sizer's own.
fn serve(_: SocketAddr) -> String {
    let port = free_port();
    let script = format!(
        "echo \"$OWN\"; echo \"$DB_PASS\" >&2; exec {} simulate --port {port} --set engine.base=1ms --set output_tokens=1",
        crate::support::BINARY
    );
    let script = serde_json::to_string(&script).unwrap();
    format!(
        "{{type: http, url: 'http://127.0.0.1:{port}/nothing/${{env:PLACE}}', serve: {{shell: true, run: [{script}], env: {{OWN: '${{env:API_KEY}}'}}, log: server.log}}}}"
    )
}

const SOURCES: [Source; 26] = [
    Source { name: "error body", workflow: openai, rest: ONE, answer: refuse },
    Source { name: "error body at the cut", workflow: openai, rest: ONE, answer: refuse_at_length },
    Source { name: "finish reason", workflow: openai, rest: ONE, answer: answer_with_words },
    Source { name: "no JSON", workflow: openai, rest: ONE, answer: break_off },
    Source { name: "reported error", workflow: openai, rest: ONE, answer: report_an_error },
    Source { name: "redirect", workflow: openai, rest: ONE, answer: redirect },
    Source { name: "retry-after", workflow: openai, rest: ONE, answer: later },
    Source {
        name: "stream",
        workflow: |address| openai(address).replace("stream: false", "stream: true"),
        rest: ONE,
        answer: break_off,
    },
    Source {
        name: "header",
        workflow: |address| {
            openai(address).replace("api_key: ", "headers: {x-extra: ").replace("}'}", "}'}}")
        },
        rest: ONE,
        answer: refuse,
    },
    Source {
        name: "header with a template",
        workflow: |address| {
            format!(
                "{{type: http, url: 'http://{address}/x', headers: {{authorization: 'Bearer {{{{ item.id }}}}-${{env:API_KEY}}'}}}}"
            )
        },
        rest: ONE,
        answer: refuse,
    },
    Source {
        name: "broken rule",
        workflow: |address| {
            format!(
                "{{type: http, url: 'http://{address}/x', api_key: '${{env:API_KEY}}', success: {{pointer: /ok}}}}"
            )
        },
        rest: ONE,
        answer: break_off,
    },
    Source {
        name: "password of an address",
        workflow: |address| {
            format!("{{type: http, url: 'http://me:${{env:API_KEY}}@{address}/x'}}")
        },
        rest: ONE,
        answer: refuse,
    },
    Source {
        name: "password of a proxy",
        workflow: |address| {
            format!(
                "{{type: openai, base_url: 'http://upstream.invalid/v1', model: m, connection: {{proxy: 'http://me:${{env:API_KEY}}@{address}'}}}}"
            )
        },
        rest: ONE,
        answer: refuse,
    },
    Source {
        name: "nat",
        workflow: |address| {
            format!("{{type: nat, base_url: 'http://{address}', api_key: '${{env:API_KEY}}'}}")
        },
        rest: ONE,
        answer: break_off,
    },
    Source {
        name: "step names",
        workflow: |address| {
            format!("{{type: nat, base_url: 'http://{address}', api_key: '${{env:API_KEY}}'}}")
        },
        rest: ONE,
        answer: report_steps,
    },
    Source {
        name: "chain",
        workflow: |address| chain(address, "{llm: {stream: false}}"),
        rest: ONE,
        answer: answer_with_words,
    },
    Source {
        name: "tool",
        workflow: |address| {
            chain(address, "{tool: {command: [sh, '-c', 'echo \"$DB_PASS\" >&2; exit 3']}}")
        },
        rest: ONE,
        answer: refuse,
    },
    Source {
        name: "stderr, as the spec tells it",
        workflow: |_| command("printf '\\033[2J%s' \"$OWN\" >&2; exit 3"),
        rest: ONE,
        answer: refuse,
    },
    Source {
        name: "stdout, inherited",
        workflow: |_| command("echo \"no such password: $DB_PASS\"; exit 3"),
        rest: ONE,
        answer: refuse,
    },
    Source {
        name: "a long stderr",
        workflow: |_| command("printf '%s' \"$OWN\" >&2; printf '%0383d' 7 >&2; exit 3"),
        rest: ONE,
        answer: refuse,
    },
    Source {
        name: "worker",
        workflow: |_| {
            "{type: command, persistent: true, run: [sh, worker.sh], env: {OWN: '${env:API_KEY}'}}"
                .to_owned()
        },
        rest: ONE,
        answer: refuse,
    },
    Source {
        name: "bodies",
        workflow: |address| {
            let call = "curl -s -H \"authorization: Bearer $OWN\" -d \"{\\\"model\\\": \\\"m\\\", \\\"x\\\": \\\"$DB_PASS\\\"}\" \"$OPENAI_BASE_URL/chat/completions\" >&2; exit 1";
            command(call).replace(
                ", env:",
                &format!(", llm: {{upstream: 'http://{address}/v1', bodies: bodies.jsonl}}, env:"),
            )
        },
        rest: ONE,
        answer: refuse,
    },
    Source {
        name: HOST,
        workflow: |_| "{type: nat, config: c.yml, env: {OWN: '${env:API_KEY}'}}".to_owned(),
        rest: ONE,
        answer: refuse,
    },
    Source { name: "log of a server", workflow: serve, rest: ONE, answer: refuse },
    Source {
        name: "server that does not come up",
        workflow: |address| {
            let script =
                serde_json::to_string("echo \"$OWN\"; echo \"$DB_PASS\" >&2; exit 3").unwrap();
            let _ = address;
            format!(
                "{{type: http, url: 'http://127.0.0.1:{}/x', serve: {{shell: true, run: [{script}], env: {{OWN: '${{env:API_KEY}}'}}, log: server.log}}}}",
                free_port()
            )
        },
        rest: ONE,
        answer: refuse,
    },
    Source {
        name: "metrics",
        workflow: openai,
        rest: "test: {gpu_count: 1, scrape: {url: 'http://me:${env:API_KEY}@METRICS/metrics', every: 5ms, metrics: ['x*']}}\n\
               concurrency: {mode: burst, levels: [1], runs: 2}",
        answer: |socket| respond(socket, "200 OK", crate::support::ANSWER),
    },
];

/// Commands that read no spec: they have a test of their own.
const APART: [&str; 6] = ["calc", "import", "init", "schema", "simulate", "help"];

/// Commands with what they are given after the spec.
fn arguments(command: &str) -> Vec<Vec<&'static str>> {
    match command {
        "run" => vec![
            vec![],
            vec!["--offline"],
            vec!["--dry-run"],
            // The log is a sink like any other.
            vec!["--force", "--log", "trace"],
        ],
        "plan" => vec![vec![], vec!["--force", "sweep"]],
        "estimate" | "render" | "status" | "history" | "graph" | "validate" | "migrate" => {
            vec![vec![]]
        }
        "what-if" => vec![vec!["--users", "5,10"]],
        "diff" => vec![vec!["sizer.lock"]],
        "gc" => vec![vec!["--dry-run", "--keep-last", "0"]],
        "trace" => vec![vec![]],
        // Every stage is shown: `stages` adds them.
        "show" => vec![],
        known if APART.contains(&known) => vec![],
        new => panic!("`sizer {new}` is new: say here how it is called on a spec that was run"),
    }
}

/// The names in a list of commands or of possible values in a help text.
fn listed(help: &str, from: &str, until: &str, mark: &str) -> Vec<String> {
    let Some((_, list)) = help.split_once(from) else { return Vec::new() };
    let list = list.split_once(until).map_or(list, |(list, _)| list);
    let names = list.lines().filter_map(|line| line.trim_start().strip_prefix(mark));
    let names = names.filter_map(|line| line.split([' ', ':']).next());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Everything that the program prints about a project.
fn everything(project: &Sizer) -> Vec<(String, Ended)> {
    let mut printed = Vec::new();
    let mut call = |args: &[&str]| printed.push((args.join(" "), project.run(args)));
    call(&["run", "spec.yml"]);
    let help = project.run(&["--help"]).stdout;
    let commands = listed(&help, "Commands:\n", "\n\n", "");
    assert!(commands.len() > 15, "{help}");
    for command in &commands {
        let help = project.run(&[command.as_str(), "--help"]).stdout;
        let formats = listed(&help, "--format <", "[default", "- ");
        for (index, more) in arguments(command).into_iter().enumerate() {
            let mut args = vec![command.as_str(), "spec.yml"];
            args.extend(more);
            call(&args);
            for format in formats.iter().filter(|_| index == 0) {
                call(&[args.as_slice(), &["--format", format]].concat());
            }
        }
    }
    let plan = project.run(&["plan", "spec.yml", "--format", "json"]).stdout;
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let stages: Vec<&str> =
        plan["stages"].as_array().unwrap().iter().map(|it| it["stage"].as_str().unwrap()).collect();
    assert!(stages.contains(&"sweep@1") && stages.contains(&"render@summary.md"), "{stages:?}");
    for stage in stages {
        call(&["show", "spec.yml", stage]);
    }
    printed
}

/// The plan that a worker is sent, what the worker says, and the recording that it sends back: no list of
/// commands has the verb.
fn by_worker(project: &Sizer) -> Vec<(String, Ended)> {
    let plan = order(project, 1).to_json().unwrap();
    let (told, recording) = fed(project, &["--log", "trace"], &plan);
    let recording = match told.code {
        Some(0) => {
            serde_json::to_string(&sizer::internal::from_parquet(recording).unwrap()).unwrap()
        }
        _ => String::from_utf8(recording).unwrap(),
    };
    // It is kept as it came, as in the store, and no terminal shows it.
    let recording = sizer::internal::printable(&recording).into_owned();
    let printed = |stdout: String| Ended { stdout, stderr: String::new(), code: None };
    vec![
        ("worker: the plan".to_owned(), printed(plan)),
        ("worker".to_owned(), told),
        ("worker: the recording".to_owned(), printed(recording)),
    ]
}

/// What no sink may hold: the canary as it is the same in all forms, and within base64.
fn tells() -> Vec<String> {
    let mut tells = vec![MIDDLE.to_owned(), "%37%66%33%64".to_owned()];
    for before in 0..3 {
        let encoded = BASE64_STANDARD.encode("x".repeat(before) + MIDDLE);
        tells.push(encoded[2..12].to_owned());
    }
    tells
}

/// Nothing of the canary is printed or in a file, and nobody paints.
pub(crate) fn hold(name: &str, printed: &[(String, Ended)], project: &Sizer) {
    for tell in tells() {
        for (call, ended) in printed {
            let text = format!("{}{}", ended.stdout, ended.stderr);
            assert!(!text.contains(&tell), "{name}: {tell} is printed by `sizer {call}`: {text}");
        }
        for file in project.files() {
            assert!(!holds(&file, &tell), "{name}: {tell} is in {}", file.display());
        }
    }
    for sign in ["\u{1b}", "\u{7}", "\u{9b}", "\u{202e}"] {
        for (call, ended) in printed {
            let text = format!("{}{}", ended.stdout, ended.stderr);
            assert!(!text.contains(sign), "{name}: `sizer {call}` is painted: {text:?}");
        }
        for file in project.files().iter().filter(|it| it.parent() == Some(&project.path("out"))) {
            let picture = file.extension().is_some_and(|it| it == "png");
            assert!(picture || !holds(file, sign), "{name}: {} is painted", file.display());
        }
    }
}

/// Files that hold what was said are their owner's alone.
fn are_private(project: &Sizer) {
    use std::os::unix::fs::PermissionsExt;
    for name in ["bodies.jsonl", "server.log"] {
        if let Ok(metadata) = project.path(name).metadata() {
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
        }
    }
}

fn check(source: &Source) {
    let answer = source.answer;
    let server = Scripted::start(move |socket, _| answer(socket));
    let metrics = Scripted::start_any(|socket| {
        respond(socket, "200 OK", &format!("x_busy{{key=\"{}\"}} 1\n", CANARY.replace('"', "\\\"")))
    });
    // Pictures are drawn slowly, and hold no text: once is enough.
    let drawn = |name: &&str| !name.contains(".png") || source.name == "error body";
    let reports: Vec<&str> = sizer::internal::built_in_reports().filter(drawn).collect();
    let reports = reports.join(", ");
    let rest = source.rest.replace("METRICS", &metrics.address.to_string());
    let project = Sizer::new()
        .file(
            "worker.sh",
            "while read -r line; do printf '{\"error\": \"%s no\"}\\n' \"${OWN#*@}\"; done\n",
        )
        .file("own.html.j2", "{{ result }} {{ table }}")
        .workflow(
            &(source.workflow)(server.address),
            &format!(
                "{rest}\ntargets: {{users: 5, workflow_runtime: 10s}}\n\
                 outputs: {{reports: [{reports}, {{name: own.html, template: own.html.j2}}]}}"
            ),
        )
        .env("PLACE", "here")
        .env("API_KEY", CANARY)
        .env("DB_PASS", CANARY);
    let project = if source.name == HOST {
        installed(project, "  fail_at: 3\n  message: 'no such key: $DB_PASS'")
    } else {
        project
    };
    let mut printed = everything(&project);
    printed.extend(by_worker(&project));
    let all: String = printed.iter().map(|(_, it)| format!("{}{}", it.stdout, it.stderr)).collect();
    let kept =
        ["bodies.jsonl", "server.log"].map(|name| std::fs::read_to_string(project.path(name)));
    let all = kept.into_iter().flatten().fold(all, |all, kept| all + &kept);
    assert!(all.contains("***"), "{}: the secret did not come back: {all}", source.name);
    hold(source.name, &printed, &project);
    are_private(&project);
    for (name, file) in [("bodies", "bodies.jsonl"), ("log of a server", "server.log")] {
        assert!(
            source.name != name || project.read(file).contains("***"),
            "{name}: nothing is in it"
        );
    }
}

#[test]
fn no_secret_comes_out_by_any_way_and_nobody_paints() {
    std::thread::scope(|scope| {
        for half in SOURCES.chunks(SOURCES.len().div_ceil(4)) {
            scope.spawn(move || half.iter().for_each(check));
        }
    });
}
