//! Servers that go wrong in ways of their own, and servers that are odd and right: no failure is a fast
//! success, and no good answer a failure, whoever asks.

use crate::hostile_streams::{
    Case, GOOD, PACKED, bad_streams, case, good_streams, pieces, stream, whole,
};
use crate::proxy::Open;
use crate::streams::{CHAIN, NAT, OPENAI, level};
use crate::support::{ANSWER, Scripted};
use serde_json::Value;
use std::io::Write;

/// Holds a level against what the server sent.
#[track_caller]
fn check(workflow: &str, case: Case) -> Value {
    let Case { name, bytes, kind } = case;
    let closes = !matches!(kind, GOOD) || bytes.starts_with(b"HTTP/1.0");
    let level = level(workflow, move |socket, _| socket.write_all(&bytes).is_ok() && !closes);
    let failed = level["failures"][0]["kind"].as_str().unwrap_or(GOOD);
    assert_eq!(failed, kind, "{name}: {workflow}: {level:#}");
    let all = level["runs"].as_u64().unwrap();
    assert_eq!(level["failed"].as_u64(), Some(if kind == GOOD { 0 } else { all }), "{name}");
    assert_eq!(level["workflow_runtime"].is_null(), kind != GOOD, "{name}: {level:#}");
    level
}

#[test]
fn no_bad_stream_is_a_success_and_no_odd_one_a_failure() {
    for workflow in [OPENAI, CHAIN] {
        for case in bad_streams() {
            check(workflow, case);
        }
        for case in good_streams() {
            let name = case.name;
            let level = check(workflow, case);
            assert!(level["ttft"]["p50"].is_f64(), "{name}: {level:#}");
        }
    }
}

#[test]
fn what_comes_in_one_piece_is_judged_as_well() {
    let good = |message: &str| {
        format!("{{\"choices\":[{{\"message\":{message},\"finish_reason\":\"stop\"}}]}}")
    };
    let workflows = [
        OPENAI.replace("timeout", "stream: false, timeout"),
        CHAIN.replace("timeout", "stream: false, timeout"),
    ];
    for workflow in workflows {
        for (name, body, kind) in [
            ("a mark at the beginning", format!("\u{feff}{ANSWER}"), GOOD),
            ("blank lines before", format!("\n\n\r\n  {ANSWER}\n"), GOOD),
            ("no number", ANSWER.replace("\"usage\"", "\"x\":[NaN,-Infinity],\"usage\""), GOOD),
            ("half a character", good("{\"content\":\"\\ud83d\"}"), GOOD),
            (
                "an error that is none",
                ANSWER.replace("\"usage\"", "\"error\":{\"code\":null},\"usage\""),
                GOOD,
            ),
            (
                "tool calls alone",
                good("{\"content\":null,\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]}"),
                GOOD,
            ),
            ("thoughts alone", good("{\"content\":null,\"reasoning\":\"hm\"}"), GOOD),
            ("a refusal alone", good("{\"content\":null,\"refusal\":\"no\"}"), GOOD),
            ("nothing", String::new(), "truncated"),
            ("nothing said", good("{\"content\":\"\",\"tool_calls\":[]}"), "truncated"),
            ("half", ANSWER[..40].to_owned(), "truncated"),
            ("a page", "<html>Sign in</html>".to_owned(), "malformed"),
            ("something after it", format!("{ANSWER} garbage"), "malformed"),
            ("a detail", "{\"detail\":\"Not Found\"}".to_owned(), "workflow_error"),
            (
                "an error that is a text",
                "{\"error\":\"rate limited\"}".to_owned(),
                "workflow_error",
            ),
            (
                "a code",
                "{\"code\":503,\"msg\":\"busy\",\"choices\":null}".to_owned(),
                "workflow_error",
            ),
            ("another end", ANSWER.replace("\"stop\"", "\"abort\""), "workflow_error"),
        ] {
            check(&workflow, case(name, whole("200 OK", &body), kind));
        }
    }
}

#[test]
fn redirects_are_told_and_not_followed() {
    let other = Scripted::start_any(|socket| crate::support::respond(socket, "200 OK", ANSWER));
    let to =
        format!("http://me:canary-7f3d@{}/v2?signature=canary-7f3d#canary-7f3d", other.address);
    let http = "{type: http, url: SERVER/x, timeout: 5s}";
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        for workflow in [OPENAI, CHAIN, NAT, http] {
            for to in [
                to.as_str(),
                "https://elsewhere.invalid/v2",
                "//elsewhere.invalid/v2",
                "file:///etc/passwd",
            ] {
                let head = format!("{status}\r\nlocation: {to}");
                let level = check(workflow, case("redirect", whole(&head, ""), "http_status"));
                let said = level["failures"][0]["first_message"].as_str().unwrap();
                let place = to.split(['?']).next().unwrap().replace("canary-7f3d", "***");
                assert!(said.contains(&format!("to {place} (location")), "{said}");
                assert!(!said.contains("canary"), "{said}");
            }
        }
    }
    assert!(other.requests.lock().unwrap().is_empty());
}

#[test]
fn errors_of_workflows_are_no_answers() {
    for (name, body, kind) in [
        ("an error event", "event: error\ndata: {\"message\":\"boom\"}\n\n", "workflow_error"),
        ("a detail", "data: {\"detail\":\"Not Found\"}\n\n", "workflow_error"),
        (
            "all of it an error",
            "data: {\"object\":\"error\",\"message\":\"boom\"}\n\n",
            "workflow_error",
        ),
        ("an error by its type", "data: {\"type\":\"error\",\"id\":7}\n\n", "workflow_error"),
        (
            "a code of its own",
            "data: {\"text\":\"out of memory\",\"error_code\":50002}\n\n",
            "workflow_error",
        ),
        ("a status", "data: {\"status\":503,\"message\":\"overloaded\"}\n\n", "workflow_error"),
        (
            "an error after the answer",
            "data: {\"value\":1}\n\ndata: {\"error\":\"boom\"}\n\n",
            "workflow_error",
        ),
        (
            "an error without a prefix",
            "data: {\"value\":1}\n\n{\"code\":\"workflow_error\",\"message\":\"boom\"}",
            "workflow_error",
        ),
        ("a page", "<html>Sign in</html>", "malformed"),
        ("nothing", "", "truncated"),
        ("an answer of many keys", "data: {\"detail\":\"a\",\"message\":\"hi\"}\n\n", GOOD),
        (
            "an answer with a good code",
            "data: {\"code\":200,\"message\":\"ok\",\"value\":1}\n\n",
            GOOD,
        ),
        ("an error that is none", "data: {\"value\":1,\"error\":{\"message\":\"\"}}\n\n", GOOD),
        ("a mark at the beginning", "\u{feff}data: {\"value\":1}\n\n", GOOD),
        ("an event of another name", "event: message\ndata: {\"value\":1}\n\n", GOOD),
    ] {
        check(NAT, case(name, stream(body), kind));
    }
}

#[test]
fn a_service_that_streams_nothing_has_not_answered() {
    let http = "{type: http, url: SERVER/x, timeout: 5s}";
    let streamed = http.replace("timeout", "stream: true, timeout");
    check(http, case("no body", whole("200 OK", ""), GOOD));
    check(&streamed, case("no body", whole("200 OK", ""), "truncated"));
    check(&streamed, case("no pieces", stream(""), "truncated"));
    check(&streamed, case("a piece", stream("x"), GOOD));
    for error in
        ["event: error\ndata: busy\n\n", "data: {\"a\": 1}\n\ndata: {\"error\": \"busy\"}\n\n"]
    {
        check(&streamed, case("an error", stream(error), "workflow_error"));
    }
    check(&streamed, case("no error", stream("data: {\"error\": null}\n\n"), GOOD));
    let judged = http.replace("timeout", "success: {regex: o}, timeout");
    check(&judged, case("packed", pieces("content-encoding: br\r\n", &[PACKED]), "malformed"));
    check(&judged, case("a word", whole("200 OK", "ok"), GOOD));
}

#[test]
fn what_drips_is_ended_by_the_timeout() {
    for head in [
        "HTTP/1.1 200 OK\r\nx-a: ",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n",
    ] {
        for workflow in [OPENAI, CHAIN, NAT, "{type: http, url: SERVER/x, timeout: 5s}"] {
            let level = level(&workflow.replace("5s", "400ms"), move |socket, _| {
                let mut open = socket.write_all(head.as_bytes()).is_ok();
                while open {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                    open = socket.write_all(b" ").is_ok();
                }
                false
            });
            assert_eq!(level["failures"][0]["kind"], "timeout", "{head}: {workflow}: {level:#}");
        }
    }
}

#[test]
fn an_answer_that_nobody_asked_for_is_nobody_s() {
    // Twice what was asked for: the second is not the next request's.
    let most = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let seen = std::sync::Arc::clone(&most);
    let server = Scripted::start(move |socket, number| {
        seen.fetch_max(number, std::sync::atomic::Ordering::SeqCst);
        let answer = [whole("200 OK", ANSWER), whole("200 OK", "{\"error\":\"not asked for\"}")];
        socket.write_all(&answer.concat()).is_ok()
    });
    let workflow = OPENAI.replace("timeout", "stream: false, timeout");
    let project = crate::support::Sizer::new().workflow(
        &workflow.replace("SERVER", &format!("http://{}", server.address)),
        "concurrency: {mode: burst, levels: [1], passes: 5}",
    );
    project.run(&["run", "spec.yml"]).success();
    let level = project.result()["levels"][0].clone();
    assert_eq!(level["failed"], 0, "{level:#}");
    assert_eq!(most.load(std::sync::atomic::Ordering::SeqCst), 1, "a connection was used again");
}

/// A server that answers each request with the next of some answers, each on a connection of its own.
fn one_after_the_other(answers: Vec<Vec<u8>>) -> Scripted {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let answers: Vec<Vec<u8>> = answers.into_iter().map(closing).collect();
    Scripted::start(move |socket, _| {
        let at = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let _ = answers.get(at).map(|answer| socket.write_all(answer));
        false
    })
}

/// An answer that says that its connection is not kept: another request on it may be lost.
fn closing(mut answer: Vec<u8>) -> Vec<u8> {
    const LINE: &[u8] = b"HTTP/1.1 ";
    if let Some(line) = answer.windows(LINE.len()).rposition(|it| it == LINE) {
        let end = answer[line..].windows(2).position(|it| it == b"\r\n").unwrap();
        let at = line + end + 2;
        answer.splice(at..at, *b"connection: close\r\n");
    }
    answer
}

#[test]
fn the_proxy_judges_alike() {
    for (cases, good) in [(bad_streams(), false), (good_streams(), true)] {
        let count = cases.len();
        let server = one_after_the_other(cases.into_iter().map(|case| case.bytes).collect());
        let open = Open::start(server.address);
        for _ in 0..count {
            open.post(&open.chat(), &open.proxy.to_string(), "");
        }
        let (_, level) = open.finish();
        assert_eq!(level["failed_calls"], if good { 0 } else { count }, "{level:#}");
        let seen = level["llm_latency"]["count"].as_u64().unwrap_or_default();
        assert_eq!(seen, if good { count as u64 } else { 0 }, "{level:#}");
    }
}

#[test]
fn calls_of_other_protocols_are_judged_by_what_they_say() {
    let start = "event: message_start\ndata: {\"type\":\"message_start\"}\n\n";
    let created = "event: response.created\ndata: {\"type\":\"response.created\"}\n\n";
    let answers = [
        whole("200 OK", "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}"),
        whole("200 OK", "{\"error\":\"busy\"}"),
        stream(start),
        stream(&format!("{created}event: response.failed\ndata: {{}}\n\n")),
        stream(created),
        stream(&format!("{start}event: error\ndata: {{\"type\":\"error\"}}\n\n")),
        whole(
            "200 OK",
            "{\"type\":\"message\",\"usage\":{\"input_tokens\":7,\"output_tokens\":3}}",
        ),
        whole("200 OK", "{\"object\":\"response\",\"status\":\"completed\",\"error\":null}"),
        stream(&format!("{start}event: message_stop\ndata: {{\"type\":\"message_stop\"}}\n\n")),
        stream(&format!("{created}event: response.completed\ndata: {{}}\n\n")),
    ];
    let server = one_after_the_other(answers.to_vec());
    let open = Open::start(server.address);
    for _ in 0..answers.len() {
        open.post(&format!("{}/messages", open.path), &open.proxy.to_string(), "");
    }
    let (_, level) = open.finish();
    assert_eq!(level["failed_calls"], 6, "{level:#}");
    assert_eq!(level["llm_latency"]["count"], 4, "{level:#}");
}
