//! Answers that pass the proxy: where they end, what of them is a failure, and which paths lead there.

use crate::proxy::{Open, status};
use crate::support::{ANSWER, Scripted, respond};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const TOKEN: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
const STOP: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const DONE: &str = "data: [DONE]\n\n";

/// Sends a call and leaves once a text has come, as clients do at the protocol's last word.
fn leave_at(open: &Open, text: &str) {
    let mut stream = TcpStream::connect(open.proxy).unwrap();
    let body = "{\"model\": \"m\", \"stream\": true, \"messages\": []}";
    write!(
        stream,
        "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n\r\n{body}",
        open.chat(),
        open.proxy,
        body.len()
    )
    .unwrap();
    let (mut answer, mut buffer) = (String::new(), [0; 1024]);
    while !answer.contains(text) {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "the answer ends without {text}: {answer}");
        answer.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
}

#[test]
fn a_client_that_leaves_at_the_last_word_has_made_its_call() {
    let server = Scripted::start(|socket, _| {
        let _ = socket.write_all(HEAD.as_bytes());
        for piece in [TOKEN, TOKEN, STOP, DONE] {
            std::thread::sleep(Duration::from_millis(30));
            let _ = write!(socket, "{:x}\r\n{piece}\r\n", piece.len());
        }
        std::thread::sleep(Duration::from_millis(600));
        socket.write_all(b"0\r\n\r\n").is_ok()
    });
    let open = Open::start(server.address);
    for text in ["[DONE]", "[DONE]", "\"stop\""] {
        leave_at(&open, text);
    }
    // Before the end it is none.
    leave_at(&open, "content\":\"a");
    std::thread::sleep(Duration::from_millis(100));
    let (_, level) = open.finish();
    assert_eq!(level["failed_calls"], 1, "{level:#}");
    assert_eq!(level["llm_latency"]["count"], 3, "{level:#}");
    assert!(level["llm_latency"]["p99"].as_f64().unwrap() < 0.5, "{level:#}");
    assert!(level["ttft"]["p50"].as_f64().unwrap() >= 0.03, "{level:#}");
}

#[test]
fn failures_in_good_responses_are_failed_calls() {
    let server = Scripted::start(|socket, _| {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let stream = |socket: &mut TcpStream, body: String| {
            let _ = socket.write_all(HEAD.as_bytes());
            write!(socket, "{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).is_ok()
        };
        let error = "data: {\"object\":\"error\",\"message\":\"died\"}\n\n";
        match COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => stream(socket, DONE.to_owned()),
            1 => stream(socket, format!("{TOKEN}{error}{DONE}")),
            2 => stream(socket, TOKEN.to_owned()),
            3 => stream(socket, format!("{TOKEN}{}{DONE}", STOP.replace("stop", "abort"))),
            4 => respond(socket, "200 OK", "{\"choices\":[{\"message\":{\"content\":\"\"}}]}"),
            5 => stream(socket, format!("{TOKEN}{STOP}{DONE}")),
            6 => respond(socket, "200 OK", &format!("\u{feff}{ANSWER}")),
            _ => respond(socket, "200 OK", ANSWER),
        }
    });
    let open = Open::start(server.address);
    for _ in 0..8 {
        open.post(&open.chat(), &open.proxy.to_string(), "");
    }
    let (_, level) = open.finish();
    assert_eq!(level["failed_calls"], 5, "{level:#}");
    assert_eq!(level["llm_latency"]["count"], 3, "{level:#}");
}

#[test]
fn no_path_leads_out_of_the_server_s_address() {
    let server = Scripted::start(|socket, _| respond(socket, "200 OK", ANSWER));
    let open = Open::start(server.address);
    let host = open.proxy.to_string();
    let root = open.path.strip_suffix("/v1").unwrap().to_owned();
    for out in [
        "/../../admin",
        "/v1/../admin",
        "/v1/..",
        "/v1/%2e%2e/admin",
        "/v1/.%2E/admin",
        "/v1/..%2fadmin",
        "/v1/..%5cadmin",
        "/v1/%252e%252e%252fadmin",
        "/v1/x/../../../admin",
        "/v10/chat/completions",
        "/admin",
        "/",
        "",
    ] {
        let answer = open.post(&format!("{root}{out}"), &host, "");
        assert_eq!(status(&answer), "403", "{out}: {answer}");
    }
    assert!(server.requests.lock().unwrap().is_empty());
    for (within, sent) in [
        ("/v1/x/../chat/completions", "/v1/chat/completions"),
        ("/v1/./chat/completions?a=../b", "/v1/chat/completions?a=../b"),
        ("/v1", "/v1"),
    ] {
        assert_eq!(status(&open.post(&format!("{root}{within}"), &host, "")), "200", "{within}");
        let request = server.requests.lock().unwrap().last().unwrap().clone();
        assert!(request.starts_with(&format!("POST {sent} HTTP/1.1\r\n")), "{request}");
    }
    open.finish();
}
