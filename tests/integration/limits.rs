//! Input that is made to take memory and time without end: one error that names the limit, at most
//! 512 MiB, no abort, and an end. `cargo test limits -- --nocapture` prints the table.

use crate::support::{Scripted, Sizer, respond};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

const MOST_MIB: u64 = 512;
/// Far longer than any takes (the table says how long), so that a busy machine fails no test.
const LONGEST: Duration = Duration::from_mins(1);
pub(crate) const FAST: &str = "{type: simulator, engine: {base: 1ms}, output_tokens: 1}";
pub(crate) const REST: &str = "concurrency: {mode: burst, levels: [1], passes: 1}";

/// Runs the binary, and holds its memory and its end against the limits.
#[track_caller]
pub(crate) fn within_limits(project: &Sizer, name: &str, args: &[&str], code: i32, part: &str) {
    let mut command = project.command(args);
    let began = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = child.stderr.take().unwrap();
    let said = std::thread::spawn(move || {
        let mut text = String::new();
        said.read_to_string(&mut text).unwrap();
        text
    });
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let ended = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or_default() >> 10);
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        if began.elapsed() > LONGEST || peak > 4 * MOST_MIB {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let said = said.join().unwrap();
    let seconds = began.elapsed().as_secs_f64();
    let shown: String = said.lines().next().unwrap_or_default().chars().take(120).collect();
    println!("| {name} | {peak} MiB | {seconds:.1} s | {shown} |");
    assert_eq!(ended.code(), Some(code), "{name}: {ended}: {said}");
    assert!(said.contains(part), "{name}: no `{part}` in {said}");
    assert!(peak <= MOST_MIB, "{name}: {peak} MiB");
}

pub(crate) fn validate(name: &str, spec: &str, part: &str) {
    let project = Sizer::new().spec(spec);
    within_limits(&project, name, &["validate", "spec.yml"], 2, part);
}

#[test]
fn templates() {
    let project = Sizer::new().workflow(FAST, REST);
    project.run(&["run", "spec.yml"]).success();
    let deep = |link: &str| format!("{{{{ {}1 }}}}", link.repeat(50_000));
    let doubled = format!("{}{{{{ s }}}}", "{% set s = s ~ s %}".repeat(40));
    for (name, text, part) in [
        ("range(10^9)", "{% for i in range(1000000000) %}a{% endfor %}".to_owned(), "x.j2:1"),
        ("nested ranges", "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}".to_owned(), "x.j2"),
        ("string doubling", "{% set ns = namespace(s=\"aaaaaaaa\") %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s|length }}".to_owned(), "MiB of memory"),
        ("string doubling without a loop", format!("{{% set s = 'aaaaaaaa' %}}{doubled}"), "MiB"),
        ("list doubling", "{% set ns = namespace(l=[1]) %}{% for i in range(40) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{{ ns.l|length }}".to_owned(), "it "),
        ("format width", "{{ \"%999999999d\"|format(1) }}".to_owned(), "it "),
        ("text times a number", "{{ 'a' * 999999999 }}".to_owned(), "x.j2"),
        ("recursive macro", "{% macro m(n) %}{{ m(n+1) }}{% endmacro %}{{ m(0) }}".to_owned(), "recursion"),
        ("1+1+…", deep("1+"), "operators"),
        ("(((…", deep("("), "operators"),
        ("not not …", deep("not "), "operators"),
        ("a.b.c…", deep("a."), "operators"),
        ("a|a|…", deep("a|"), "operators"),
        ("nested if", "{% if 1 %}".repeat(20_000) + &"{% endif %}".repeat(20_000), "recursion"),
        ("elif elif …", format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}".repeat(50_000)), "operators"),
    ] {
        std::fs::write(project.path("x.j2"), text).unwrap();
        within_limits(&project, name, &["render", "spec.yml", "--template", "x.j2"], 2, part);
    }
    let body =
        format!("{{type: http, url: 'http://127.0.0.1:1/', method: POST, body: '{}'}}", deep("1+"));
    let spec = format!(
        "version: 1\nname: t\ndataset: {{path: questions.jsonl}}\nworkflow: {body}\n{REST}\n"
    );
    validate("1+1+… in workflow.body", &spec, "operators");
}

pub(crate) fn data(name: &str) -> Sizer {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hostile").join(name);
    let project = Sizer::new().spec(&format!(
        "version: 1\nname: t\ndataset: {{path: {name}}}\nworkflow: {FAST}\n{REST}\n"
    ));
    std::fs::copy(from, project.path(name)).unwrap();
    project
}

#[test]
fn files_that_unpack_to_far_more() {
    for (name, code, part) in [
        ("far.xlsx", 2, "a sheet of more than 384 MiB"),
        ("mid.xlsx", 2, "a sheet of more than 384 MiB"),
        ("dim.xlsx", 0, ""),
        ("farcol.xlsx", 0, ""),
        ("one.parquet", 2, "rows of more than 16 MiB"),
        ("dict.parquet", 2, "more than 400 MiB of questions"),
        ("nothing.parquet", 2, "in none of its first 1100000 rows"),
        ("entries.parquet", 2, "a row that needs more than 192 MiB of memory"),
        ("repeated.ods", 2, "a sheet that needs more than 416 MiB of memory"),
    ] {
        within_limits(&data(name), name, &["validate", "spec.yml"], code, part);
    }
}

/// A file of one long line, written piece by piece.
fn long_line(path: &Path, before: &str, after: &str) {
    let mut file = std::fs::File::create(path).unwrap();
    file.write_all(before.as_bytes()).unwrap();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..200 {
        file.write_all(&piece).unwrap();
    }
    file.write_all(after.as_bytes()).unwrap();
}

#[test]
fn lines_without_an_end() {
    for (name, before, after) in
        [("line.csv", "question\n", "\n"), ("line.jsonl", "{\"question\":\"", "\"}\n")]
    {
        let project = Sizer::new().spec(&format!(
            "version: 1\nname: t\ndataset: {{path: {name}}}\nworkflow: {FAST}\n{REST}\n"
        ));
        long_line(&project.path(name), before, after);
        within_limits(&project, name, &["validate", "spec.yml"], 2, "more than 16 MiB");
    }
    for (name, before, after) in [
        ("rec.csv", "concurrency,start,end,id\n1,0,1,", "\n"),
        ("rec.jsonl", "{\"concurrency\":1,\"start\":0,\"end\":1,\"id\":\"", "\"}\n"),
    ] {
        let project = Sizer::new().spec(&format!(
            "version: 1\nname: t\nworkflow: {{type: recorded, path: {name}}}\ntest: {{gpu_count: 1}}\n"
        ));
        long_line(&project.path(name), before, after);
        within_limits(&project, name, &["run", "spec.yml"], 2, "more than 16 MiB");
    }
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    for (name, path) in [("/dev/zero", "/dev/zero"), ("a pipe", "pipe.jsonl")] {
        let spec = format!(
            "version: 1\nname: t\ndataset: {{path: {path}, format: jsonl}}\nworkflow: {FAST}\n{REST}\n"
        );
        let project = Sizer::new().spec(&spec);
        let mut made = std::process::Command::new("mkfifo");
        assert!(made.arg(project.path("pipe.jsonl")).status().unwrap().success());
        for verb in ["plan", "status", "validate", "run"] {
            let shown = format!("{verb}, the dataset is {name}");
            within_limits(&project, &shown, &[verb, "spec.yml"], 2, "is not a regular file");
        }
        let recorded = format!("version: 1\nname: t\nworkflow: {{type: recorded, path: {path}}}\n");
        let project = project.spec(&recorded);
        within_limits(
            &project,
            &format!("recorded in {name}"),
            &["plan", "spec.yml"],
            2,
            "not a regular file",
        );
    }
}

#[test]
fn specs_that_are_far_too_much() {
    let head =
        format!("version: 1\nname: t\ndataset: {{path: questions.jsonl}}\nworkflow: {FAST}\n");
    let nested =
        |open: &str, close: &str, count| format!("{}1{}", open.repeat(count), close.repeat(count));
    validate(
        "maps in one another",
        &format!("{head}{REST}\nvars: {}\n", nested("{a: ", "}", 200_000)),
        "512 nested brackets",
    );
    validate(
        "lists in one another",
        &format!("{head}{REST}\nvars: {}\n", nested("[", "]", 400_000)),
        "512 nested brackets",
    );
    let levels: Vec<String> = (1..150_000).map(|level| level.to_string()).collect();
    validate(
        "150,000 levels",
        &format!("{head}concurrency: {{levels: [{}]}}\n", levels.join(",")),
        "10000 levels",
    );
    validate(
        "2,000,000 steps",
        &format!("{head}concurrency: {{levels: {{from: 1, to: 1000000, steps: 2000000}}}}\n"),
        "10000 levels",
    );
    let many = head.replace("base: 1ms", "base: 1ms, replicas: 1000000000");
    validate("10^9 replicas", &format!("{many}{REST}\n"), "between 1 and 10000 replicas");
    let project = Sizer::new().spec(&format!("{many}{REST}\n"));
    let set = ["simulate", "--set", "engine.replicas=1000000000"];
    within_limits(&project, "simulate with 10^9 replicas", &set, 2, "between 1 and 10000 replicas");
}

#[test]
fn answers_without_an_end() {
    let server = Scripted::start(|stream, _| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 260000000\r\n\r\n";
        if write!(stream, "{head}{{\"choices\": [{{\"message\": {{\"content\": \"").is_err() {
            return false;
        }
        let piece = vec![b'x'; 1 << 20];
        while stream.write_all(&piece).is_ok() {}
        false
    });
    let workflow = format!(
        "{{type: openai, base_url: 'http://{}/v1', model: m, stream: false}}",
        server.address
    );
    for level in [1, 8, 32] {
        let rest = format!("concurrency: {{mode: burst, levels: [{level}], passes: 1}}");
        let project = Sizer::new().workflow(&workflow, &rest);
        let name = format!("260 MB answers, {level} at a time");
        within_limits(&project, &name, &["run", "spec.yml"], 0, "");
        let failures = project.result()["levels"][0]["failures"].to_string();
        assert!(failures.contains("larger than"), "{failures}");
    }
    // What is within the limits is what it was.
    let server = Scripted::start(|stream, _| respond(stream, "200 OK", crate::support::ANSWER));
    let workflow = format!(
        "{{type: openai, base_url: 'http://{}/v1', model: m, stream: false}}",
        server.address
    );
    let project = Sizer::new().workflow(&workflow, REST);
    project.run(&["run", "spec.yml"]).success();
    assert_eq!(project.result()["levels"][0]["failed"], 0);
}

#[test]
fn figures_that_overflow_are_not_kept() {
    let run = |start: &str, end: &str| {
        format!("{{\"concurrency\": 1, \"start\": {start}, \"end\": {end}}}\n")
    };
    let sound = run("0", "1") + &run("1", "2") + &run("2", "3") + &run("3", "4");
    for rows in [
        run("-1e308", "1e308").repeat(3),
        run("0", "1e308").repeat(5),
        run("0", "1") + &run("1e307", "1.7e308"),
    ] {
        let project = Sizer::new()
            .spec("version: 1\nname: t\nworkflow: {type: recorded, path: r.jsonl}\ntest: {gpu_count: 1}\ntargets: {users: 5, workflow_runtime: 2s}\n")
            .file("r.jsonl", &rows);
        for _ in 0..2 {
            let ended = project.run(&["run", "spec.yml"]);
            let said = &ended.stderr;
            // Either it is told at once, or there is an answer that can be read again.
            assert!(!said.contains("cannot be read") && !said.contains("panicked"), "{ended:#?}");
            assert!(matches!(ended.code, Some(0..=3)), "{ended:#?}");
            if ended.code == Some(2) {
                assert!(
                    said.contains("r.jsonl") || said.contains("its figures are out of range"),
                    "{ended:#?}"
                );
            }
        }
        project.file("r.jsonl", &sound).run(&["run", "spec.yml", "--until", "fit"]).success();
    }
}

#[test]
fn json_is_read_row_by_row() {
    let project = Sizer::new().spec(&format!(
        "version: 1\nname: t\ndataset: {{path: d.json}}\nworkflow: {FAST}\n{REST}\n"
    ));
    let text = format!("[{}{{\"question\":2}}]", "{\"question\":1},".repeat(200_000));
    let project = project.file("d.json", &text);
    within_limits(&project, "small rows of JSON", &["validate", "spec.yml"], 0, "");
    let project = project.file("d.json", &text.replace(']', ",]"));
    within_limits(&project, "the same with a trailing comma", &["validate", "spec.yml"], 0, "");
    let long = format!("[{{\"question\":\"{}\"}},]", "x".repeat(17 << 20));
    let project = project.file("d.json", &long);
    let part = "a row of more than 16 MiB";
    within_limits(&project, "17 MiB, not strictly JSON", &["validate", "spec.yml"], 2, part);
    let project = project.file("d.json", "[{\"question\":1},{\"question\":1e999}]");
    within_limits(&project, "a number that is none", &["validate", "spec.yml"], 2, "d.json:1:");
}
