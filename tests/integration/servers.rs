//! Servers with ways of their own: what they do not know, what they say of it, and how it is told.

use crate::support::{ANSWER, Scripted, SimulatorProcess, Sizer, last_request, respond};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn openai(server: &str, more: &str) -> String {
    format!("{{type: openai, base_url: \"{server}\", model: m, timeout: 5s, {more}}}")
}

const REST: &str = "concurrency: {mode: burst, levels: [1], passes: 3}";

fn run(workflow: &str) -> (Sizer, Value) {
    let project = Sizer::new().workflow(workflow, REST);
    let ended = project.run(&["run", "spec.yml"]);
    assert!(matches!(ended.code, Some(0 | 1)), "{ended:#?}");
    let result = project.result();
    (project, result)
}

fn first_failure(result: &Value) -> String {
    let failure = &result["levels"][0]["failures"][0];
    format!("{}: {}", failure["kind"].as_str().unwrap(), failure["first_message"].as_str().unwrap())
}

#[test]
fn keys_that_a_server_refuses_are_left_out_or_renamed() {
    let server = Scripted::start(|socket, _| {
        let request = last_request();
        let refuse = |socket: &mut TcpStream, message: &str| {
            respond(
                socket,
                "400 Bad Request",
                &format!("{{\"error\":{{\"message\":\"{message}\"}}}}"),
            )
        };
        if request.contains("stream_options") {
            return refuse(socket, "Unrecognized request argument supplied: stream_options");
        }
        if request.contains("\"max_tokens\"") {
            return refuse(socket, "max_tokens is not supported, use max_completion_tokens");
        }
        let stream = "data: {\"choices\":[{\"delta\":{\"content\":\"w\"},\"finish_reason\":\"stop\"}]}\n\n\
                      data: [DONE]\n\n";
        respond(socket, "200 OK", stream)
    });
    let address = format!("http://{}/v1", server.address);
    let chain = format!(
        "{{type: chain, llm: {{upstream: '{address}'}}, model: m, steps: [{{llm: {{max_tokens: 9}}}}]}}"
    );
    for workflow in [openai(&address, "max_tokens: 9"), chain] {
        server.requests.lock().unwrap().clear();
        let (_, result) = run(&workflow);
        assert_eq!(result["levels"][0]["failed"], 0, "{result:#}");
        let notes = result["notes"].to_string();
        assert!(notes.contains("refuses `stream_options`"), "{notes}");
        assert!(notes.contains("requests used `max_completion_tokens`"), "{notes}");
        let requests = server.requests.lock().unwrap().clone();
        // Each refusal is met once.
        assert_eq!(requests.len() as u64, result["levels"][0]["runs"].as_u64().unwrap() + 2);
        assert!(requests.last().unwrap().contains("\"max_completion_tokens\":9"));
    }
    // Or left out from the beginning.
    server.requests.lock().unwrap().clear();
    run(&openai(&address, "extra_body: {stream_options: null}"));
    assert!(!server.requests.lock().unwrap()[0].contains("stream_options"));
}

#[test]
fn the_query_of_an_address_is_kept() {
    let server = Scripted::start(|socket, _| respond(socket, "200 OK", ANSWER));
    let address = format!("http://{}/openai/d?api-version=2024-06-01", server.address);
    let chain = format!(
        "{{type: chain, llm: {{upstream: '{address}'}}, model: m, stream: false, steps: [{{llm: {{}}}}]}}"
    );
    for workflow in [openai(&address, "stream: false"), chain] {
        let (_, result) = run(&workflow);
        assert_eq!(result["levels"][0]["failed"], 0, "{result:#}");
        let request = server.requests.lock().unwrap().pop().unwrap();
        let expected = "POST /openai/d/chat/completions?api-version=2024-06-01 HTTP/1.1\r\n";
        assert!(request.starts_with(expected), "{request}");
        assert!(request.contains("accept-encoding: identity\r\n"), "{request}");
    }
}

#[test]
fn messages_name_what_to_change() {
    let answer = |head: &'static str, body: &'static str| {
        move |socket: &mut TcpStream, _: usize| {
            let length = body.len();
            write!(socket, "HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n{body}").is_ok()
        }
    };
    for (head, body, stream, expected) in [
        (
            "307 Temporary Redirect\r\nlocation: /v2/chat?signature=abcdefgh",
            "",
            true,
            &["http_status: 307", "to /v2/chat (location"][..],
        ),
        (
            "200 OK\r\ncontent-encoding: gzip",
            "\u{1f}\u{8b}",
            true,
            &["malformed: ", "content-encoding: gzip"],
        ),
        ("200 OK", ANSWER, true, &["malformed: ", "ignores `stream: true`", "`stream: false`"]),
        ("200 OK", "data: {}\n\n", false, &["malformed: ", "set `stream: true`"]),
    ] {
        let server = Scripted::start(answer(head, body));
        let address = format!("http://{}/v1", server.address);
        let (_, result) = run(&openai(&address, &format!("stream: {stream}")));
        let said = first_failure(&result);
        assert!(expected.iter().all(|part| said.contains(part)), "{said}");
        assert!(!said.contains("signature"), "{said}");
    }
    let server = SimulatorProcess::fast();
    let project =
        Sizer::new().workflow(&openai(&format!("https://{}/v1", server.address), ""), REST);
    let ended = project.run(&["run", "spec.yml"]);
    assert!(ended.stderr.contains("speaks plain HTTP"), "{ended:#?}");
}

/// How long an answer takes until a connection that was kept since the one before is seen to be kept.
const KEPT: Duration = Duration::from_millis(150);

#[test]
fn what_was_worked_on_is_not_sent_again() {
    // Reads the second request of a connection, works on it and breaks off, in one way or the other.
    for (reset, kind) in [(false, "closed"), (true, "reset")] {
        let server = Scripted::start(move |socket, number| {
            std::thread::sleep(KEPT);
            if number == 1 {
                return respond(socket, "200 OK", ANSWER);
            }
            if reset {
                rustix::net::sockopt::set_socket_linger(&*socket, Some(Duration::ZERO)).unwrap();
            }
            false
        });
        let (_, result) = run(&openai(&format!("http://{}/v1", server.address), "stream: false"));
        let level = &result["levels"][0];
        assert!(level["failed"].as_u64().unwrap() > 0, "{level:#}");
        assert_eq!(level["failures"][0]["kind"], kind, "{level:#}");
        assert_eq!(level["reconnected"], 0, "{level:#}");
        assert_eq!(server.requests.lock().unwrap().len() as u64, level["runs"].as_u64().unwrap());
    }
}

#[test]
fn a_connection_that_was_idle_for_too_long_costs_no_run() {
    // Says 408 to what comes second on a connection, as servers do to idle ones.
    let server = Scripted::start(|socket, number| {
        let good = number == 1;
        std::thread::sleep(KEPT);
        respond(socket, if good { "200 OK" } else { "408 Request Timeout" }, ANSWER) && good
    });
    let (_, result) = run(&openai(&format!("http://{}/v1", server.address), "stream: false"));
    let level = &result["levels"][0];
    assert_eq!((level["failed"].as_u64(), level["retries"].as_u64()), (Some(0), Some(0)));
    assert!(level["reconnected"].as_u64().unwrap() > 0, "{level:#}");
}

#[test]
fn a_server_that_closes_after_each_answer_is_asked_on_new_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            if crate::support::read_request(&mut stream).is_some() {
                count.fetch_add(1, Ordering::SeqCst);
                respond(&mut stream, "200 OK", ANSWER);
            }
        }
    });
    let workflow = openai(&format!("http://{address}/v1"), "stream: false");
    // What the close needs to arrive.
    let rest = "concurrency: {levels: [1], runs: 20, warmup: 0, think_time: 30ms}";
    let project = Sizer::new().workflow(&workflow, rest);
    project.run(&["run", "spec.yml"]).success();
    let level = project.result()["levels"][0].clone();
    assert_eq!(level["failed"], 0, "{level:#}");
    assert!(connections.load(Ordering::SeqCst) as u64 >= level["runs"].as_u64().unwrap());
}

#[test]
fn the_simulator_answers_for_itself_alone() {
    let simulator = SimulatorProcess::fast();
    let address = simulator.address;
    let ask = |line: &str, hosts: &[String]| {
        let mut stream = TcpStream::connect(address).unwrap();
        let hosts: Vec<String> = hosts.iter().map(|host| format!("host: {host}\r\n")).collect();
        let hosts = hosts.concat();
        write!(stream, "{line} HTTP/1.1\r\n{hosts}connection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap_or("none").to_owned()
    };
    let own = address.to_string();
    for host in [own.clone(), format!("LocalHost:{}", address.port())] {
        assert_eq!(ask("GET /health", &[host]), "200");
    }
    for hosts in [
        &["attacker.example".to_owned()][..],
        &[format!("attacker.example:{}", address.port())],
        &["127.0.0.1:1".to_owned()],
        &[own.clone(), "attacker.example".to_owned()],
        &[],
    ] {
        assert!(matches!(ask("GET /health", hosts).as_str(), "421" | "400"), "{hosts:?}");
    }
    let absolute = format!("GET http://{own}/health");
    assert_eq!(ask(&absolute, &[own]), "421");
    assert_eq!(ask("GET http://attacker.example/health", &["attacker.example".to_owned()]), "421");
}

#[test]
fn keys_keep_their_order_in_all_that_is_sent() {
    let server = Scripted::start(|socket, _| respond(socket, "200 OK", ANSWER));
    let row = r#"{"id": 1, "question": "Q", "tools": [{"type": "function", "function": {"name": "f", "parameters": {"reasoning": 1, "answer": 2}}}]}"#;
    let tools =
        r#"[{"type":"function","function":{"name":"f","parameters":{"reasoning":1,"answer":2}}}]"#;
    let address = format!("http://{}", server.address);
    let spec = |schema: &str| {
        openai(
            &address,
            &format!("stream: false, tools_key: tools, extra_body: {{schema: {schema}}}"),
        )
    };
    let chain = format!(
        "{{type: chain, llm: {{upstream: '{address}'}}, model: m, stream: false, steps: [{{llm: {{extra_body: {{schema: \
         {{reasoning: 1, answer: 2}}}}}}}}]}}"
    );
    let http = format!("{{type: http, url: '{address}/x', body: '{{{{ item.tools | tojson }}}}'}}");
    let asked = |project: &Sizer| {
        project.run(&["run", "spec.yml"]).success();
        std::mem::take(&mut *server.requests.lock().unwrap())
    };
    let (there, back) = ("{reasoning: 1, answer: 2}", "{answer: 2, reasoning: 1}");
    let project = Sizer::new().file("questions.jsonl", row).workflow(&spec(there), REST);
    let requests = asked(&project);
    assert!(requests[0].contains(r#""schema":{"reasoning":1,"answer":2}"#), "{}", requests[0]);
    assert!(requests[0].contains(&format!("\"tools\":{tools}")), "{}", requests[0]);
    // Another order is another request, and the same is the same.
    assert!(asked(&project).is_empty());
    let project = project.workflow(&spec(back), REST);
    assert!(asked(&project)[0].contains(r#""schema":{"answer":2,"reasoning":1}"#));
    let project = project.workflow(&http, REST);
    let request = asked(&project)[0].replace(", \"", ",\"").replace("\": ", "\":");
    assert!(request.ends_with(tools), "{request}");
    let requests = asked(&project.workflow(&chain, REST));
    assert!(requests[0].contains(r#""schema":{"reasoning":1,"answer":2}"#), "{}", requests[0]);
}
