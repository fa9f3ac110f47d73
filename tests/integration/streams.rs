//! Streams as servers really send them: what is a success, when tokens came, when the answer was over.

use crate::support::{Scripted, Sizer};
use serde_json::Value;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

/// A body in chunks, each with a pause before it in milliseconds; ended as HTTP wants it.
fn streamed(socket: &mut TcpStream, pieces: &[(u64, &str)]) -> bool {
    begin(socket);
    pieces.iter().all(|(pause, piece)| send(socket, *pause, piece))
        && socket.write_all(b"0\r\n\r\n").is_ok()
}

fn begin(socket: &mut TcpStream) {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let _ = socket.write_all(head.as_bytes());
}

fn send(socket: &mut TcpStream, pause: u64, piece: &str) -> bool {
    std::thread::sleep(Duration::from_millis(pause));
    write!(socket, "{:x}\r\n{piece}\r\n", piece.len()).is_ok()
}

pub(crate) fn delta(delta: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":null}}]}}\n\n")
}

pub(crate) fn token() -> String {
    delta(r#"{"content":"word "}"#)
}

pub(crate) fn ended(reason: &str) -> String {
    format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"{reason}\"}}]}}\n\n"
    )
}

pub(crate) fn usage(tokens: u32) -> String {
    format!(
        "data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":7,\"completion_tokens\":{tokens}}}}}\n\n"
    )
}

pub(crate) const DONE: &str = "data: [DONE]\n\n";
const ONE_LEVEL: &str = "concurrency: {mode: burst, levels: [1], passes: 1}";

/// The level that a server's answers make.
pub(crate) fn level(
    workflow: &str,
    answer: impl Fn(&mut TcpStream, usize) -> bool + Send + Sync + 'static,
) -> Value {
    let server = Scripted::start(answer);
    let workflow = workflow.replace("SERVER", &format!("http://{}", server.address));
    let project = Sizer::new().workflow(&workflow, ONE_LEVEL);
    let ended = project.run(&["run", "spec.yml"]);
    assert!(matches!(ended.code, Some(0 | 1)), "{ended:#?}");
    project.result()["levels"][0].clone()
}

pub(crate) const OPENAI: &str = "{type: openai, base_url: SERVER/v1, model: m, timeout: 5s}";
pub(crate) const CHAIN: &str =
    "{type: chain, llm: {upstream: SERVER/v1}, model: m, timeout: 5s, steps: [{llm: {}}]}";
pub(crate) const NAT: &str = "{type: nat, base_url: SERVER, timeout: 5s}";

#[test]
fn a_failure_is_never_a_fast_success() {
    let cut = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"w\"},\"finish_reason\":\"\"}]}\n\n";
    let two = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"w\"},\"finish_reason\":\"stop\"},\
               {\"index\":1,\"delta\":{\"content\":\"w\"}}]}\n\n";
    let cases = [
        ("only the end", DONE.to_owned(), "truncated"),
        ("no token", ended("stop") + DONE, "truncated"),
        (
            "object: error",
            format!("data: {{\"object\":\"error\",\"message\":\"died\",\"code\":500}}\n\n{DONE}"),
            "workflow_error",
        ),
        (
            "error_code",
            format!("data: {{\"text\":\"out of memory\",\"error_code\":50002}}\n\n{DONE}"),
            "workflow_error",
        ),
        (
            "event: error",
            format!("event: error\ndata: {{\"status\":503}}\n\n{DONE}"),
            "workflow_error",
        ),
        ("aborted", token() + &ended("abort") + DONE, "workflow_error"),
        ("an error as reason", token() + &ended("error") + DONE, "workflow_error"),
        ("empty finish reasons", cut.to_owned(), "truncated"),
        ("one of two cut", two.to_owned(), "truncated"),
    ];
    for workflow in [OPENAI, CHAIN] {
        for (name, body, kind) in cases.clone() {
            let level = level(workflow, move |socket, _| streamed(socket, &[(0, &body)]));
            assert_eq!(level["failures"][0]["kind"], kind, "{name}: {level:#}");
            assert_eq!(level["runs"], level["failed"], "{name}");
            assert_eq!(level["workflow_runtime"], Value::Null, "{name}");
        }
    }
    for (body, kind) in [
        ("data: {\"error\": \"no such tool\"}\n\n", "workflow_error"),
        ("data: {\"code\": 500, \"message\": \"no such tool\"}\n\n", "workflow_error"),
        (DONE, "truncated"),
        ("data: null\n\n", "truncated"),
    ] {
        let level = level(NAT, move |socket, _| streamed(socket, &[(0, body)]));
        assert_eq!(level["failures"][0]["kind"], kind, "{body}: {level:#}");
    }
}

#[test]
fn a_choice_with_an_error_in_a_whole_answer_is_a_failure() {
    for body in [
        r#"{"choices":[{"message":{"content":"par"},"finish_reason":"error","error":{"code":502}}]}"#,
        r#"{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}"#,
    ] {
        let workflow = OPENAI.replace("timeout", "stream: false, timeout");
        let level =
            level(&workflow, move |socket, _| crate::support::respond(socket, "200 OK", body));
        assert_eq!(level["runs"], level["failed"], "{level:#}");
    }
}

#[test]
fn tokens_of_every_kind_are_tokens() {
    for (said, thought) in [
        (r#"{"reasoning":"hm"}"#, true),
        (r#"{"reasoning_content":"hm"}"#, true),
        (r#"{"thinking":"hm"}"#, true),
        (r#"{"refusal":"no"}"#, false),
        (r#"{"content":null,"function_call":{"arguments":"{"}}"#, false),
        (r#"{"content":[{"type":"text","text":"w"}]}"#, false),
    ] {
        let level = level(OPENAI, move |socket, _| {
            // What says nothing is no token, however early it comes.
            let role = delta(r#"{"role":"assistant","content":"","tool_calls":[]}"#);
            let (said, token, end) = (delta(said), token(), ended("stop") + DONE);
            streamed(socket, &[(0, &role), (200, &said), (200, &said), (200, &token), (0, &end)])
        });
        let p50 = |metric: &str| level[metric]["p50"].as_f64().unwrap();
        assert_eq!(level["failed"], 0, "{said}: {level:#}");
        assert!(p50("ttft") >= 0.2 && p50("ttft") < p50("llm_latency") - 0.3, "{said}: {level:#}");
        let visible = if thought { p50("ttft") + 0.3 } else { p50("ttft") };
        assert!(p50("answer_ttft") >= visible, "{said}: {level:#}");
        assert!(p50("itl") >= 0.15, "{said}: {level:#}");
    }
}

#[test]
fn an_answer_ends_with_its_last_word() {
    // The response stays open for long, or breaks off.
    for (hold, closes) in [(1500, false), (0, true)] {
        let server = Scripted::start(move |socket, _| {
            begin(socket);
            let pieces = [(100, token()), (200, token()), (0, ended("stop") + DONE)];
            let sent = pieces.iter().all(|(pause, piece)| send(socket, *pause, piece));
            std::thread::sleep(Duration::from_millis(hold));
            sent && !closes && socket.write_all(b"0\r\n\r\n").is_ok()
        });
        for workflow in [OPENAI, CHAIN] {
            let workflow = workflow.replace("SERVER", &format!("http://{}", server.address));
            let rest = "concurrency: {mode: burst, levels: [1], passes: 3}";
            let project = Sizer::new().workflow(&workflow, rest);
            project.run(&["run", "spec.yml"]).success();
            let result = project.result();
            let level = &result["levels"][0];
            assert_eq!(level["failed"], 0, "{level:#}");
            for metric in ["llm_latency", "workflow_runtime"] {
                let p50 = level[metric]["p50"].as_f64().unwrap();
                assert!((0.3..1.2).contains(&p50), "{metric}: {level:#}");
            }
            let notes = result["notes"].to_string();
            assert_eq!(notes.contains("kept responses open"), hold > 0, "{notes}");
        }
    }
}

#[test]
fn a_complete_answer_needs_no_last_word() {
    // Every choice has its reason, and nothing more comes for long.
    let level = level(OPENAI, |socket, _| {
        begin(socket);
        let sent = send(socket, 50, &(token() + &ended("stop") + &usage(1)));
        std::thread::sleep(Duration::from_secs(3));
        sent && socket.write_all(b"0\r\n\r\n").is_ok()
    });
    assert_eq!(level["failed"], 0, "{level:#}");
    assert_eq!(level["completion_tokens"]["p50"], 1.0, "{level:#}");
    assert!(level["llm_latency"]["p50"].as_f64().unwrap() < 1.0, "{level:#}");
}

#[test]
fn signs_of_life_after_an_answer_cost_no_time() {
    let repeated = usage(1);
    for sign in [": ping\n\n", "data: {\"choices\":[]}\n\n", repeated.as_str()] {
        let sign = sign.to_owned();
        let level = level(OPENAI, move |socket, _| {
            begin(socket);
            let sent = send(socket, 50, &(token() + &ended("stop")));
            sent && (0..120).all(|_| send(socket, 100, &sign))
        });
        assert_eq!(level["failed"], 0, "{level:#}");
        assert!(level["llm_latency"]["p50"].as_f64().unwrap() < 1.0, "{level:#}");
    }
}

#[test]
fn an_answer_of_a_workflow_ends_with_the_workflow() {
    let step = |kind: &str, id: &str, at: f64| {
        let payload = format!(
            "{{\\\"event_timestamp\\\": {at}, \\\"usage_info\\\": {{\\\"token_usage\\\": {{\\\"prompt_tokens\\\": 7.0, \
             \\\"completion_tokens\\\": null}}}}}}"
        );
        format!(
            "intermediate_data: {{\"id\":\"{id}\",\"type\":\"{kind}\",\"payload\":\"{payload}\"}}\n\n"
        )
    };
    let body = step("WORKFLOW_START", "w", 1.0)
        + &step("LLM_START", "a", 1.0)
        + &step("LLM_END", "a", 1.1)
        + &step("LLM_START", "b", 1.1)
        + "data:{\"value\": \"x\"}\n\n"
        + &step("WORKFLOW_END", "w", 1.2);
    let level = level(NAT, move |socket, _| {
        begin(socket);
        let sent = send(socket, 50, &body);
        std::thread::sleep(Duration::from_millis(800));
        sent && socket.write_all(b"0\r\n\r\n").is_ok()
    });
    assert_eq!((level["failed"].as_u64(), level["failed_calls"].as_u64()), (Some(0), Some(1)));
    assert!(level["workflow_runtime"]["p50"].as_f64().unwrap() < 0.7, "{level:#}");
    assert_eq!(level["prompt_tokens"]["p50"], 7.0, "{level:#}");
}

#[test]
fn time_between_tokens_counts_tokens() {
    let server = Scripted::start(|socket, _| {
        let piece = delta(r#"{"content":"a b c d e "}"#);
        let mut pieces = vec![(100, piece.as_str())];
        pieces.extend([(50, piece.as_str()); 4]);
        let end = ended("stop") + &usage(25) + DONE;
        pieces.push((0, &end));
        streamed(socket, &pieces)
    });
    let workflow = OPENAI.replace("SERVER", &format!("http://{}", server.address));
    let project = Sizer::new().workflow(&workflow, ONE_LEVEL);
    project.run(&["run", "spec.yml"]).success().stdout("more than one token each");
    let level = project.result()["levels"][0].clone();
    let ratio = level["chunk_gap"]["p50"].as_f64().unwrap() / level["itl"]["p50"].as_f64().unwrap();
    assert!((4.9..5.1).contains(&ratio), "{level:#}");
    assert_eq!(level["tokens_per_chunk"]["p50"], 5.0, "{level:#}");
}

#[test]
fn the_whole_grammar_of_event_streams() {
    let whole = token() + &token() + &ended("stop") + DONE;
    for body in [
        whole.replace('\n', "\r\n"),
        whole.replace('\n', "\r"),
        format!("\u{feff}{whole}"),
        whole.replace("data: ", "event\nid: 1\n: comment\ndata:"),
        whole.replace("data: {", "data: {\ndata: "),
        format!("data: \n\n{whole}").replace("\n\n", "\n\ndata\n\n"),
    ] {
        let sent = body.clone();
        let level = level(OPENAI, move |socket, _| streamed(socket, &[(0, &sent)]));
        assert_eq!(level["failed"], 0, "{body:?}: {level:#}");
        assert_eq!(level["finish_reasons"]["stop"], 1, "{body:?}");
    }
}
