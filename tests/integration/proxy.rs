//! The recording proxy, over raw sockets: what may pass, what may not, and what is noted of it.

use crate::support::{ANSWER, Scripted, SimulatorProcess, Sizer, free_port, holds, respond};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Child;
use std::time::{Duration, Instant};

/// Notes its base URL and waits for a file that says it may go.
const WAITING: &str = "printf '%s' \"$OPENAI_BASE_URL\" > url.part; mv url.part url.$1
while [ ! -e go.$1 ]; do sleep 0.02; done
";

/// A sweep that stands at its first run.
pub(crate) struct Open {
    project: Sizer,
    child: Child,
    /// Address of the proxy.
    pub proxy: SocketAddr,
    /// Path of the run's base URL: token, name, and the server's own.
    pub path: String,
}

impl Open {
    pub fn start(upstream: SocketAddr) -> Self {
        let project = Sizer::new().file("agent.sh", WAITING).workflow(
            &format!("{{type: command, run: [sh, agent.sh, '{{{{ item.id }}}}'], llm: {{upstream: 'http://{upstream}/v1'}}}}"),
            "concurrency: {mode: burst, levels: [1], runs: 2}",
        );
        let mut command = project.command(&["run", "spec.yml", "--quiet"]);
        let child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
        let url = Self::url(&project, "1");
        let rest = url.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_at(rest.find('/').unwrap());
        Self { proxy: host.parse().unwrap(), path: path.to_owned(), project, child }
    }

    fn url(project: &Sizer, id: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if let Ok(url) = std::fs::read_to_string(project.path(&format!("url.{id}"))) {
                return url;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the run does not begin");
    }

    /// Sends bytes and reads until the proxy closes or falls silent.
    pub fn send(&self, bytes: &str) -> String {
        let mut stream = TcpStream::connect(self.proxy).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let _ = stream.write_all(bytes.as_bytes());
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(read) = stream.read(&mut buffer) {
            if read == 0 {
                break;
            }
            answer.extend_from_slice(&buffer[..read]);
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub fn post(&self, path: &str, host: &str, more: &str) -> String {
        let body = "{\"model\": \"m\", \"messages\": []}";
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n{more}\r\n{body}",
            body.len()
        ))
    }

    pub fn chat(&self) -> String {
        format!("{}/chat/completions", self.path)
    }

    /// Lets both runs go, and gives the level.
    pub fn finish(mut self) -> (Sizer, Value) {
        for id in ["1", "2"] {
            std::fs::write(self.project.path(&format!("go.{id}")), "").unwrap();
        }
        assert!(self.child.wait().unwrap().success());
        let level = self.project.result()["levels"][0].clone();
        (self.project, level)
    }
}

pub(crate) fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

#[test]
fn only_what_was_let_in_passes() {
    let server = Scripted::start(|socket, _| respond(socket, "200 OK", ANSWER));
    let open = Open::start(server.address);
    let host = open.proxy.to_string();
    let good = open.post(&open.chat(), &host, "");
    assert!(good.starts_with("HTTP/1.1 200") && good.ends_with(ANSWER), "{good}");
    let localhost = format!("localhost:{}", open.proxy.port());
    assert_eq!(status(&open.post(&open.chat(), &localhost, "")), "200");
    let known = server.requests.lock().unwrap().len();
    assert_eq!(known, 2);

    let token = open.path.split('/').nth(1).unwrap().to_owned();
    let other = format!("{}0", &token[..31]);
    let other = if other == token { format!("{}1", &token[..31]) } else { other };
    let refused = open.post(&open.chat().replace(&token, &other), &host, "");
    assert!(status(&refused) == "403" && refused.contains("no run is under way"), "{refused}");
    for (what, answer, expected) in [
        ("no token", open.post("/llm/v1/chat/completions", &host, ""), "403"),
        (
            "a token in capitals and braces",
            open.post(&format!("/{{{token}}}/llm/v1/x"), &host, ""),
            "403",
        ),
        (
            "another token in a header",
            open.post("/llm/v1/x", &host, &format!("x-sizer-run: {other}\r\n")),
            "403",
        ),
        ("an unknown server", open.post(&format!("/{token}/other/v1/x"), &host, ""), "404"),
        ("another host", open.post(&open.chat(), "attacker.example", ""), "421"),
        ("another port", open.post(&open.chat(), "127.0.0.1:1", ""), "421"),
        ("two hosts", open.post(&open.chat(), &host, "host: attacker.example\r\n"), "421"),
        ("an open proxy", open.post("http://attacker.example/v1", "attacker.example", ""), "403"),
        (
            "an open proxy by our name",
            open.post(&format!("http://{host}{}", open.chat()), &host, ""),
            "403",
        ),
        (
            "a tunnel",
            open.send(
                "CONNECT attacker.example:443 HTTP/1.1\r\nhost: attacker.example:443\r\n\r\n",
            ),
            "403",
        ),
        (
            "an oversized header",
            open.post(&open.chat(), &host, &format!("x-long: {}\r\n", "a".repeat(100_000))),
            "431",
        ),
        ("too many headers", open.post(&open.chat(), &host, &"x-many: 1\r\n".repeat(200)), "431"),
        ("no HTTP", open.send("hello\r\n\r\n"), "400"),
        ("HTTP/2 without being asked", open.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "400"),
    ] {
        let got = status(&answer);
        // hyper closes the connection on a head that it cannot read at all.
        assert!(got == expected || (got == "none" && expected == "400"), "{what}: {answer}");
    }
    assert_eq!(server.requests.lock().unwrap().len(), known, "something passed that must not");
    // The run is over, and so is its token: while the next one is under way.
    std::fs::write(open.project.path("go.1"), "").unwrap();
    Open::url(&open.project, "2");
    assert_eq!(status(&open.post(&open.chat(), &host, "")), "403");
    let (_, level) = open.finish();
    assert_eq!(level["llm_calls"]["mean"], 1.0, "{level:#}");
}

#[test]
fn requests_cannot_be_smuggled() {
    let server = Scripted::start(|socket, _| respond(socket, "200 OK", ANSWER));
    let open = Open::start(server.address);
    let (host, chat) = (open.proxy.to_string(), open.chat());
    let hidden =
        format!("POST /v1/smuggled HTTP/1.1\r\nhost: {host}\r\ncontent-length: 2\r\n\r\n{{}}");
    let head = format!("POST {chat} HTTP/1.1\r\nhost: {host}\r\n");
    let chunked = "2\r\n{}\r\n0\r\n\r\n";
    for (what, request, refused) in [
        (
            "length, then chunked",
            format!(
                "{head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n{chunked}{hidden}"
            ),
            false,
        ),
        (
            "chunked, then length",
            format!(
                "{head}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n{chunked}{hidden}"
            ),
            false,
        ),
        (
            "two lengths",
            format!("{head}content-length: 2\r\ncontent-length: 40\r\n\r\n{{}}{hidden}"),
            true,
        ),
        ("a length with a sign", format!("{head}content-length: +2\r\n\r\n{{}}{hidden}"), true),
        (
            "chunked twice",
            format!(
                "{head}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n{chunked}{hidden}"
            ),
            true,
        ),
        (
            "chunked in disguise",
            format!("{head}transfer-encoding: xchunked\r\n\r\n{chunked}{hidden}"),
            true,
        ),
        (
            "chunked by another name",
            format!("{head}transfer-encoding: gzip, chunked\r\n\r\n{chunked}{hidden}"),
            true,
        ),
        (
            "a space before the colon",
            format!("{head}transfer-encoding : chunked\r\ncontent-length: 2\r\n\r\n{{}}{hidden}"),
            true,
        ),
        (
            "a bare line feed",
            format!("{head}content-length: 2\r\nx: y\n\ncontent-length: 40\r\n\r\n{{}}{hidden}"),
            false,
        ),
        (
            "a chunk with a wrong length",
            format!("{head}transfer-encoding: chunked\r\n\r\n1\r\n{{}}\r\n0\r\n\r\n{hidden}"),
            true,
        ),
    ] {
        let before = server.requests.lock().unwrap().len();
        let answer = open.send(&request);
        let passed = server.requests.lock().unwrap().len() - before;
        assert!(passed <= usize::from(!refused), "{what}: {passed} passed: {answer}");
        assert!(!answer.contains("200 OK") || !refused, "{what}: {answer}");
        // Behind an ambiguous body nothing is looked at; elsewhere it has no token.
        let answers = answer.matches("HTTP/1.1 ").count();
        assert!(answers <= 1 || what == "a bare line feed", "{what}: {answer}");
        for request in server.requests.lock().unwrap().iter() {
            assert!(!request.contains("smuggled"), "{what}: {request}");
        }
    }
    // What passes is framed anew, by one length.
    let requests = server.requests.lock().unwrap().clone();
    for request in &requests {
        let head = request.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
        assert!(
            !head.contains("transfer-encoding") && head.matches("content-length").count() == 1,
            "{head}"
        );
    }
    open.finish();
}

#[test]
fn an_upstream_that_breaks_off_is_one_failed_call() {
    // Streams two tokens and breaks off; the third request is answered as it should be.
    let server = Scripted::start(|socket, _| {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        match COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
                let _ = socket.write_all(head.as_bytes());
                let chunk = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
                for _ in 0..2 {
                    let _ = write!(socket, "{:x}\r\n{chunk}\r\n", chunk.len());
                    std::thread::sleep(Duration::from_millis(20));
                }
                // The socket is reset rather than closed: unread bytes are dropped with it.
                let _ = rustix::net::sockopt::set_socket_linger(&*socket, Some(Duration::ZERO));
                false
            }
            1 => respond(socket, "503 Service Unavailable", "{\"error\": \"busy\"}"),
            _ => respond(socket, "200 OK", ANSWER),
        }
    });
    let open = Open::start(server.address);
    let host = open.proxy.to_string();
    let broken = open.post(&open.chat(), &host, "");
    // What came was passed on, and the end is missing as it was.
    assert!(
        broken.starts_with("HTTP/1.1 200") && broken.matches("content").count() >= 2,
        "{broken}"
    );
    assert!(!broken.ends_with("0\r\n\r\n"), "{broken}");
    let busy = open.post(&open.chat(), &host, "");
    assert!(status(&busy) == "503" && busy.contains("busy"), "{busy}");
    assert_eq!(status(&open.post(&open.chat(), &host, "")), "200");
    let (project, level) = open.finish();
    assert_eq!(level["failed_calls"], 2, "{level:#}");
    assert_eq!(level["llm_latency"]["count"], 1);
    let notes = project.result()["notes"].to_string();
    assert!(notes.contains("2 LLM calls failed within runs"), "{notes}");
}

#[test]
fn an_upstream_that_is_not_there_is_the_workflows_to_handle() {
    let nobody = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let open = Open::start(nobody);
    let answer = open.post(&open.chat(), &open.proxy.to_string(), "");
    assert!(status(&answer) == "502" && answer.contains("connection failed"), "{answer}");
    let (_, level) = open.finish();
    assert_eq!((level["failed"].as_u64(), level["failed_calls"].as_u64()), (Some(0), Some(1)));
}

#[test]
fn streams_pass_untouched_and_as_they_come() {
    const PIECES: [&str; 3] = [
        "data: {\"choices\":[{\"delta\":{\"content\":\"h\u{e9}\"}}]}\r\n\r\n",
        ": comment\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n",
        "\ndata: [DONE]\n\n",
    ];
    let server = Scripted::start(|socket, _| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-trace: 7\r\nconnection: close, x-hop\r\nx-hop: 1\r\n\r\n";
        let _ = socket.write_all(head.as_bytes());
        for piece in PIECES {
            let _ = socket.write_all(piece.as_bytes());
            std::thread::sleep(Duration::from_millis(150));
        }
        false
    });
    let open = Open::start(server.address);
    let mut stream = TcpStream::connect(open.proxy).unwrap();
    let body = "{\"model\": \"llama\", \"messages\": [{\"role\": \"user\", \"content\": \"12345678\"}], \"stream\": true}";
    let path = open.chat();
    let host = open.proxy;
    write!(
        stream,
        "POST {path} HTTP/1.0\r\nhost: {host}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = Vec::new();
    let mut arrivals = Vec::new();
    let mut buffer = [0; 4096];
    let began = Instant::now();
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        arrivals.push(began.elapsed());
        answer.extend_from_slice(&buffer[..read]);
    }
    let answer = String::from_utf8(answer).unwrap();
    let (head, said) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(said, PIECES.concat());
    assert!(head.contains("x-trace: 7") && !head.contains("x-hop"), "{head}");
    // The first piece was here before the server had sent the last.
    assert!(
        arrivals.len() >= 3 && arrivals[0] + Duration::from_millis(100) < *arrivals.last().unwrap()
    );
    let (project, level) = open.finish();
    assert_eq!(level["llm_calls"]["mean"], 0.5);
    let runs = project.runs("sweep@1");
    let call = &runs[0]["llm_calls"][0];
    assert_eq!(
        (&call["model"], &call["upstream"], &call["http_status"]),
        (&"llama".into(), &"llm".into(), &200.into())
    );
    // Nobody counted: pieces of the stream, and four characters to a token.
    assert_eq!((&call["completion_tokens"], &call["prompt_tokens"]), (&2.into(), &2.into()));
    assert!(
        call["ttft"].as_f64().unwrap()
            < call["end"].as_f64().unwrap() - call["start"].as_f64().unwrap()
    );
}

#[test]
fn keys_go_to_the_server_and_nowhere_else() {
    const CANARY: &str = "canary-4711-upstream";
    let server =
        Scripted::start(|socket, _| respond(socket, "200 OK", &ANSWER.replace("21", CANARY)));
    let address = server.address;
    // Calls the proxy as any client does, and prints the answer where it can be seen.
    let script = "body='{\"model\": \"m\", \"messages\": [{\"role\": \"user\", \"content\": \"hidden words\"}]}'
curl -s -H 'authorization: Bearer of-the-workflow' -H 'content-type: application/json' -d \"$body\" \"$OPENAI_BASE_URL/chat/completions\" >&2
exit 1
";
    if std::process::Command::new("curl").arg("--version").output().is_err() {
        println!("not run: there is no curl");
        return;
    }
    for bodies in [false, true] {
        let kept = if bodies { ", bodies: bodies.jsonl" } else { "" };
        let project = Sizer::new().file("agent.sh", script).env("LLM_KEY", CANARY).workflow(
            &format!("{{type: command, run: [sh, agent.sh], llm: {{upstream: 'http://{address}/v1', api_key: '${{env:LLM_KEY}}', headers: {{x-team: blue}}{kept}}}}}"),
            "concurrency: {mode: burst, levels: [1], runs: 1}",
        );
        let ended = project.run(&["run", "spec.yml"]);
        assert!(!format!("{ended:?}").contains(CANARY), "{ended:?}");
        let request = server.requests.lock().unwrap().last().unwrap().to_ascii_lowercase();
        assert!(request.contains(&format!("authorization: bearer {CANARY}\r\n")), "{request}");
        assert!(
            request.contains("x-team: blue\r\n") && request.matches("authorization").count() == 1
        );
        let said = project.result()["levels"][0]["failures"][0]["first_message"].to_string();
        assert!(said.contains("***"), "{said}");
        for file in project.files() {
            assert!(!holds(&file, CANARY), "{}", file.display());
            let body = file.ends_with("bodies.jsonl");
            assert!(
                body || file.ends_with("agent.sh") || !holds(&file, "hidden words"),
                "{}",
                file.display()
            );
        }
        assert_eq!(project.path("bodies.jsonl").exists(), bodies);
        if bodies {
            let kept: Value = serde_json::from_str(&project.read("bodies.jsonl")).unwrap();
            assert!(kept["request"].as_str().unwrap().contains("hidden words"));
            assert!(kept["answer"].as_str().unwrap().contains("finish_reason"));
        }
    }
}

/// A service that asks two models for each request and passes on one of the headers that it got.
fn service(proxy: u16, header: &'static str) -> Scripted {
    Scripted::start(move |socket, _| {
        let request = crate::support::last_request();
        let value = request
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase().strip_prefix(&format!("{header}: ")).map(str::to_owned)
            })
            .unwrap_or_default();
        for name in ["planner", "answerer"] {
            let mut call = TcpStream::connect(("127.0.0.1", proxy)).unwrap();
            let body =
                "{\"model\": \"m\", \"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}";
            write!(
                call,
                "POST /{name}/v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{proxy}\r\n{header}: {value}\r\n\
                 content-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
            let mut answer = String::new();
            call.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
        respond(socket, "200 OK", "data: {\"value\": \"21\"}\n\n")
    })
}

#[test]
fn a_service_passes_on_a_header_and_every_call_finds_its_run() {
    let simulator = SimulatorProcess::fast();
    let upstream = simulator.address;
    for (header, kind, key, path) in
        [("traceparent", "http", "url", "/ask"), ("x-sizer-run", "nat", "base_url", "")]
    {
        let port = free_port();
        let service = service(port, header);
        let project = Sizer::new().workflow(
            &format!(
                "{{type: {kind}, {key}: 'http://{}{path}', llm: {{port: {port}, upstreams: {{planner: {{url: 'http://{upstream}/v1'}}, answerer: {{url: 'http://{upstream}/v1'}}}}}}}}",
                service.address
            ),
            "concurrency: {mode: burst, levels: [4], runs: 12}",
        );
        project.run(&["run", "spec.yml"]).success();
        let level = &project.result()["levels"][0];
        assert_eq!(level["failed"], 0, "{level:#}");
        let calls = &level["llm_calls"];
        assert_eq!(
            (&calls["count"], &calls["p50"], &calls["p99"]),
            (&12.into(), &2.0.into(), &2.0.into())
        );
        for run in project.runs("sweep@4") {
            let calls = run["llm_calls"].as_array().unwrap();
            let asked: Vec<&str> =
                calls.iter().map(|call| call["upstream"].as_str().unwrap()).collect();
            assert_eq!(asked, ["planner", "answerer"]);
            for call in calls {
                assert!(call["start"].as_f64() >= run["start"].as_f64());
                assert!(call["end"].as_f64() <= run["end"].as_f64());
            }
        }
    }
}
