//! The `http` workflow, and how servers are reached.

use crate::support::{ANSWER, BINARY, Scripted, SimulatorProcess, Sizer, respond};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const ONE: &str = "concurrency: {mode: burst, levels: [1], passes: 2}";

fn level(project: &Sizer) -> Value {
    project.run(&["run", "spec.yml", "--quiet"]);
    project.result()["levels"][0].clone()
}

#[test]
fn path_headers_and_body_are_templates_over_the_item() {
    let server = Scripted::start(|socket, _| respond(socket, "200 OK", r#"{"answer": [21]}"#));
    let project = Sizer::new()
        .file("questions.jsonl", "{\"id\": \"a/b\", \"question\": \"3 \\\"x\\\" 7?\", \"topic\": \"sums\"}\n")
        .workflow(
            &format!(
                "{{type: http, url: \"http://{}/ask?id={{{{ item.id | urlencode }}}}\", \
                 headers: {{x-topic: \"{{{{ item.topic }}}}\", x-team: blue}}, \
                 body: '{{\"q\": {{{{ item.input | tojson }}}}}}', success: {{pointer: /answer/0, equals: 21, regex: answer}}}}",
                server.address
            ),
            ONE,
        );
    assert_eq!(level(&project)["failed"], 0, "{:#}", level(&project));
    let requests = server.requests.lock().unwrap();
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /ask?id=a/b HTTP/1.1\r\n"), "{head}");
    let head = head.to_ascii_lowercase();
    for header in ["x-topic: sums", "x-team: blue", "content-type: application/json"] {
        assert!(head.contains(header), "no {header} in {head}");
    }
    assert_eq!(serde_json::from_str::<Value>(body).unwrap()["q"], "3 \"x\" 7?");
}

#[test]
fn a_rule_of_success_is_a_rule() {
    let server =
        Scripted::start(|socket, _| respond(socket, "202 Accepted", r#"{"state": "queued"}"#));
    let kind = |success: &str| {
        let workflow =
            format!("{{type: http, url: \"http://{}/\", success: {success}}}", server.address);
        level(&Sizer::new().workflow(&workflow, ONE))["failures"][0]["kind"].clone()
    };
    assert_eq!(kind("{}"), Value::Null);
    assert_eq!(kind("{status: [202]}"), Value::Null);
    assert_eq!(kind("{status: [200]}"), "http_status");
    assert_eq!(kind("{pointer: /state}"), Value::Null);
    assert_eq!(kind("{pointer: /state, equals: done}"), "rule_broken");
    assert_eq!(kind("{pointer: /answer}"), "rule_broken");
    assert_eq!(kind("{regex: '\"state\": *\"(queued|done)\"'}"), Value::Null);
    assert_eq!(kind("{regex: '^done'}"), "rule_broken");
}

#[test]
fn a_streamed_answer_is_timed_piece_by_piece() {
    let server = Scripted::start(|socket, _| {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let _ = socket.write_all(head.as_bytes());
        for _ in 0..3 {
            std::thread::sleep(std::time::Duration::from_millis(30));
            let _ = socket.write_all(b"2\r\nhi\r\n");
        }
        socket.write_all(b"0\r\n\r\n").is_ok()
    });
    let workflow =
        format!("{{type: http, url: \"http://{}/\", method: post, stream: true}}", server.address);
    let level = level(&Sizer::new().workflow(&workflow, ONE));
    let mean = |key: &str| level[key]["mean"].as_f64().unwrap_or_else(|| panic!("{level:#}"));
    assert!(mean("ttft") >= 0.03 && mean("ttft") < 0.06, "{level:#}");
    assert!(mean("itl") >= 0.025 && mean("llm_latency") >= 0.09, "{level:#}");
}

/// A status of 200 with an error in the body, as some services answer when they are busy.
#[test]
fn an_error_in_the_body_is_no_fast_success() {
    let kind = |content_type: &str, body: &str, rest: &str| {
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let server = Scripted::start(move |socket, _| socket.write_all(answer.as_bytes()).is_ok());
        let workflow = format!("{{type: http, url: \"http://{}/\"{rest}}}", server.address);
        level(&Sizer::new().workflow(&workflow, ONE))["failures"][0]["kind"].clone()
    };
    let json = "application/json";
    for stream in ["", ", stream: true"] {
        assert_eq!(kind(json, r#"{"error": "busy"}"#, stream), "workflow_error", "{stream}");
        let pretty = "{\n  \"error\": {\n    \"code\": 503\n  }\n}\n";
        assert_eq!(kind(json, pretty, stream), "workflow_error", "{stream}");
        let lines = "{\"response\": \"a\"}\n{\"error\": \"out of memory\"}\n";
        assert_eq!(kind("application/x-ndjson", lines, stream), "workflow_error", "{stream}");
        assert_eq!(kind(json, r#"{"answer": 1, "error": null}"#, stream), Value::Null, "{stream}");
        assert_eq!(kind("text/plain", "an \"error\": \"x\"", stream), Value::Null, "{stream}");
    }
    // Whoever has a rule knows what an error is.
    let ruled = ", success: {pointer: /error}";
    assert_eq!(kind(json, r#"{"error": "small, in per cent"}"#, ruled), Value::Null);
    let compressed = "application/json\r\ncontent-encoding: gzip";
    assert_eq!(kind(compressed, "\u{1f}?", ", stream: true"), "malformed");
}

#[test]
fn mistakes_in_http_workflows() {
    let of = |workflow: &str| {
        let project = Sizer::new().workflow(&format!("{{type: http, {workflow}}}"), ONE);
        project.run(&["validate", "spec.yml"]).stderr
    };
    insta::assert_snapshot!(
        [
            "url: \"http://{{ item.id }}/\"",
            "url: \"http://h/\", success: {equals: 1}",
            "url: \"http://h/\", success: {status: [99]}",
            "url: \"http://h/\", success: {regex: \"(\"}",
            "url: \"http://h/\", body: \"{{ item.\"",
            "url: \"http://h/\", connection: {proxy: \"http://p\", unix_socket: s}",
            "url: \"http://h/\", connection: {insecure: true, ca: c}",
            "url: \"http://h/\", connection: {first_byte_timeout: 0s}",
            "url: \"http://h/\", connection: {protocol: http3}",
        ]
        .map(of)
        .join("\n")
    );
}

#[test]
fn http2_shares_a_connection() {
    let simulator = SimulatorProcess::fast();
    let workflow = format!(
        "{{type: openai, base_url: \"http://{}/v1\", model: m, connection: {{protocol: http2}}}}",
        simulator.address
    );
    let level = level(&Sizer::new().workflow(&workflow, "concurrency: {levels: [8], passes: 4}"));
    assert_eq!((level["failed"].as_u64(), level["measured"].as_u64()), (Some(0), Some(32)));
    assert!(level["ttft"]["p95"].as_f64().unwrap() > 0.0);
    assert_eq!(simulator.metric("requests_in_flight_max"), 8);
}

/// Announces 5000 bytes over HTTP/2, sends a few and resets the stream, without an error.
async fn break_off(stream: tokio::net::TcpStream) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((_, mut respond))) = connection.accept().await {
        let head = hyper::Response::builder().header("content-length", "5000").body(()).unwrap();
        let mut body = respond.send_response(head, false).unwrap();
        body.send_data(bytes::Bytes::from_static(b"{\"answer\": \"begun"), false).unwrap();
        tokio::spawn(async move {
            // The head has to be on its way.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            body.send_reset(h2::Reason::NO_ERROR);
        });
    }
}

#[test]
fn a_stream_that_is_reset_before_its_end_is_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(break_off(stream));
            }
        });
    });
    let workflow = format!(
        "{{type: http, url: \"http://{address}/\", timeout: 20s, connection: {{protocol: http2}}}}"
    );
    let level = level(&Sizer::new().workflow(&workflow, ONE));
    assert_eq!(level["failed"], level["runs"], "{level:#}");
    assert_eq!(level["failures"][0]["kind"], "closed", "{level:#}");
}

/// Counts connections and answers every request on them.
fn counting(listener: TcpListener) -> Arc<AtomicUsize> {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            count.fetch_add(1, Ordering::Relaxed);
            std::thread::spawn(move || serve(stream.unwrap()));
        }
    });
    connections
}

/// Answers requests with a body until the other side is done.
fn serve(mut stream: impl Read + Write) {
    let mut buffer = vec![0; 65536];
    while let Ok(read) = stream.read(&mut buffer) {
        if read == 0 {
            return;
        }
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{ANSWER}",
            ANSWER.len()
        );
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

#[test]
fn connections_are_kept_unless_the_spec_says_otherwise() {
    // One asks whether the server is there, and a few until it is known to keep its connections.
    for (connection, expected) in [("{}", 2..10), ("{reuse: false}", 21..22)] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = counting(listener);
        let workflow = format!(
            "{{type: openai, base_url: \"http://{address}/v1\", model: m, stream: false, connection: {connection}}}"
        );
        let rest = "concurrency: {mode: burst, levels: [1], runs: 20, think_time: 30ms}";
        let project = Sizer::new().workflow(&workflow, rest);
        assert_eq!(level(&project)["measured"], 20);
        let connections = connections.load(Ordering::Relaxed);
        assert!(expected.contains(&connections), "{connection}: {connections}");
    }
}

#[test]
fn a_socket_of_this_machine() {
    let project = Sizer::new();
    let path = project.path("server.sock");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || serve(stream.unwrap()));
        }
    });
    let workflow = format!(
        "{{type: openai, base_url: \"http://nowhere.invalid/v1\", model: m, stream: false, \
         connection: {{unix_socket: \"{}\"}}}}",
        path.display()
    );
    let level = level(&project.workflow(&workflow, ONE));
    assert_eq!((level["measured"].as_u64(), level["failed"].as_u64()), (Some(2), Some(0)));
}

#[test]
fn no_proxy_of_the_environment_leads_to_this_machine() {
    for workflow in [
        "{type: simulator, engine: {base: 1ms}, output_tokens: 1}".to_owned(),
        format!(
            "{{type: openai, base_url: \"http://{}/v1\", model: m, stream: false}}",
            Scripted::start(|socket, _| respond(socket, "200 OK", ANSWER)).address
        ),
    ] {
        let project = Sizer::new().workflow(&workflow, ONE);
        let project = ["HTTP_PROXY", "http_proxy", "ALL_PROXY"]
            .iter()
            .fold(project, |project, name| project.env(name, "http://127.0.0.1:9"));
        let level = level(&project);
        assert_eq!(level["failed"], 0, "{level:#}");
    }
}

#[test]
fn a_proxy_is_asked_for_the_whole_address() {
    let proxy = Scripted::start(|socket, _| respond(socket, "200 OK", ANSWER));
    let workflow = format!(
        "{{type: openai, base_url: \"http://model.invalid:81/v1\", model: m, stream: false, \
         connection: {{proxy: \"http://user:${{env:PROXY_PASSWORD}}@{}\"}}}}",
        proxy.address
    );
    let project = Sizer::new().workflow(&workflow, ONE).env("PROXY_PASSWORD", "canary-7391");
    let level = level(&project);
    assert_eq!(level["failed"], 0, "{level:#}");
    let requests = proxy.requests.lock().unwrap();
    let head = requests[0].split("\r\n\r\n").next().unwrap();
    assert!(
        head.starts_with("POST http://model.invalid:81/v1/chat/completions HTTP/1.1"),
        "{head}"
    );
    assert!(head.to_ascii_lowercase().contains("proxy-authorization: basic "), "{head}");
    for file in project.files() {
        assert!(!crate::support::holds(&file, "canary-7391"), "{}", file.display());
    }
}

#[test]
fn retries_are_counted_and_timed() {
    let server = Scripted::start(|socket, post| {
        if post % 3 == 0 {
            return respond(socket, "200 OK", ANSWER);
        }
        let head = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n";
        write!(socket, "{head}\r\n").is_ok()
    });
    let run = |retries: u32| {
        let workflow = format!(
            "{{type: openai, base_url: \"http://{}/v1\", model: m, stream: false, \
             connection: {{retries: {retries}, backoff: 20ms, reuse: true}}}}",
            server.address
        );
        level(&Sizer::new().workflow(&workflow, ONE))
    };
    let off = run(0);
    assert_eq!(
        (off["retries"].as_u64(), off["failures"][0]["kind"].as_str()),
        (Some(0), Some("http_status"))
    );
    server.requests.lock().unwrap().clear();
    let on = run(5);
    assert_eq!(on["failed"], 0, "{on:#}");
    assert!(on["retries"].as_u64().unwrap() >= 2, "{on:#}");
    // 20 ms, and 40 ms before the second.
    assert!(on["workflow_runtime"]["p95"].as_f64().unwrap() >= 0.02, "{on:#}");
    assert_eq!(on["http_statuses"], serde_json::json!({ "200": 2 }));
}

/// The server asks to come back in an hour; the run has three seconds.
#[test]
fn a_pause_beyond_the_timeout_does_not_hide_the_refusal() {
    let server = Scripted::start(|socket, _| {
        let head = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 3600\r\ncontent-length: 0\r\n";
        write!(socket, "{head}\r\n").is_ok()
    });
    let workflow = format!(
        "{{type: openai, base_url: \"http://{}/v1\", model: m, stream: false, timeout: 3s, \
         connection: {{retries: 2}}}}",
        server.address
    );
    let level = level(&Sizer::new().workflow(&workflow, ONE));
    assert_eq!(level["failures"][0]["kind"], "rate_limited", "{level:#}");
    assert_eq!(level["retries"], 0, "{level:#}");
}

#[test]
fn an_answer_that_does_not_begin_in_time() {
    let server = Scripted::start(|socket, _| {
        std::thread::sleep(std::time::Duration::from_millis(400));
        respond(socket, "200 OK", ANSWER)
    });
    let workflow = format!(
        "{{type: openai, base_url: \"http://{}/v1\", model: m, stream: false, \
         connection: {{first_byte_timeout: 100ms}}}}",
        server.address
    );
    let level = level(&Sizer::new().workflow(&workflow, ONE));
    assert_eq!(level["failures"][0]["kind"], "no_first_byte", "{level:#}");
}

/// An HTTPS server with a certificate of its own making, as PEM.
fn https() -> (std::net::SocketAddr, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let stream = rustls::StreamOwned::new(session, stream.unwrap());
            std::thread::spawn(move || serve(stream));
        }
    });
    (address, made.cert.pem())
}

#[test]
fn tls_with_a_certificate_of_ones_own() {
    let (address, pem) = https();
    let run = |connection: &str| {
        let workflow = format!(
            "{{type: openai, base_url: \"https://localhost:{}/v1\", model: m, stream: false, connection: {connection}}}",
            address.port()
        );
        let project = Sizer::new().file("ca.pem", &pem).workflow(&workflow, ONE);
        let ended = project.run(&["run", "spec.yml"]);
        (ended.code, ended.stderr)
    };
    let (code, stderr) = run("{}");
    assert!(code == Some(1) && stderr.contains("no TLS: localhost:"), "{stderr}");
    assert_eq!(run("{ca: ca.pem}").0, Some(0), "{}", run("{ca: ca.pem}").1);
    assert_eq!(run("{insecure: true}").0, Some(0));
    let (code, stderr) = run("{ca: questions.jsonl}");
    assert!(code == Some(2) && stderr.contains("holds no certificate"), "{stderr}");
}

#[test]
fn https_through_a_proxy_is_a_tunnel() {
    let (address, pem) = https();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let mut client = stream.unwrap();
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") {
                    client.read_exact(&mut byte).unwrap();
                    head.push(byte[0]);
                }
                assert!(
                    head.starts_with(b"CONNECT localhost:"),
                    "{}",
                    String::from_utf8_lossy(&head)
                );
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
                let server = TcpStream::connect(address).unwrap();
                let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || drop(std::io::copy(&mut from, &mut to)));
                let (mut from, mut to) = (server, client);
                let _ = std::io::copy(&mut from, &mut to);
            });
        }
    });
    let workflow = format!(
        "{{type: openai, base_url: \"https://localhost:{}/v1\", model: m, stream: false, \
         connection: {{ca: ca.pem, proxy: \"http://{proxy}\"}}}}",
        address.port()
    );
    let project = Sizer::new().file("ca.pem", &pem).workflow(&workflow, ONE);
    assert_eq!(level(&project)["failed"], 0);
}

#[test]
fn too_few_open_files_are_said_before_anything_is_measured() {
    let simulator = SimulatorProcess::fast();
    let workflow =
        format!("{{type: openai, base_url: \"http://{}/v1\", model: m}}", simulator.address);
    let project = Sizer::new().workflow(&workflow, "concurrency: {levels: [1, 500], runs: 500}");
    let limited = |files: u32| {
        let script = format!("ulimit -n {files}; exec {BINARY} run spec.yml --quiet");
        let output = Command::new("bash")
            .args(["-c", &script])
            .current_dir(project.path(""))
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let before = simulator.metric("requests_total");
    let (code, stderr) = limited(200);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("a level of 500 needs about 564 open files"), "{stderr}");
    assert!(stderr.contains("ulimit -n 564"), "{stderr}");
    assert_eq!(simulator.metric("requests_total"), before, "nothing was asked");
    assert_eq!(limited(600).0, Some(0));
}
