//! The program of a host by itself, and a host that works on a few runs at a time.

use crate::nat_host::{HOSTED, lines, project};
use crate::support::Sizer;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

/// The program of a host, as sizer starts it.
struct Direct {
    child: Child,
    stdin: Option<ChildStdin>,
    port: u16,
}

impl Direct {
    fn start(project: &Sizer) -> Self {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/src/workflow/nat/host.py");
        let mut child = Command::new(project.path("venv/bin/python"))
            .arg(program)
            .current_dir(project.path(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        writeln!(stdin, "{}", json!({ "config": project.path("c.yml"), "token": "t0k" })).unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let port = said["port"].as_u64().unwrap().try_into().unwrap();
        Self { child, stdin: Some(stdin), port }
    }

    /// What it answers to a request, which is the last of its connection.
    fn ask(&self, request: &str) -> String {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        socket.write_all(request.as_bytes()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut answer = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(read @ 1..) = socket.read(&mut piece) {
            answer.extend_from_slice(&piece[..read]);
            let text = String::from_utf8_lossy(&answer);
            if text.ends_with("0\r\n\r\n") || text.ends_with("content-length: 0\r\n\r\n") {
                break;
            }
        }
        String::from_utf8_lossy(&answer).into_owned()
    }
}

fn post(path: &str, token: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {token}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

#[test]
fn a_host_serves_nobody_else_and_nothing_else() {
    let project = project("");
    let mut host = Direct::start(&project);
    let message = "{\"input_message\": \"hello\"}";
    let long = "GET / HTTP/1.1\r\nx: ".to_owned() + &"y".repeat(100_000) + "\r\n\r\n";
    for (request, answer) in [
        (post("/generate/full", "other", message), "HTTP/1.1 401 "),
        ("POST /generate/full HTTP/1.1\r\nhost: h\r\n\r\n".to_owned(), "HTTP/1.1 401 "),
        (post("/generate", "t0k", message), "HTTP/1.1 404 "),
        (post("/generate/full", "t0k", "[1]"), "HTTP/1.1 422 "),
        (post("/generate/full", "t0k", "no"), "HTTP/1.1 422 "),
        (
            post("/generate/full", "t0k", message).replace("length: 2", "length: -2"),
            "HTTP/1.1 413 ",
        ),
        (
            post("/generate/full", "t0k", message).replace("length: ", "length: 9999999"),
            "HTTP/1.1 413 ",
        ),
        (post("/health", "t0k", "").replace("POST", "GET"), "HTTP/1.1 200 "),
        (long, ""),
        ("\r\n\r\n".to_owned(), "HTTP/1.1 401 "),
    ] {
        let answered = host.ask(&request);
        let shown: String = request.chars().take(200).collect();
        let refused = answer.is_empty() && answered.is_empty();
        assert!(
            refused || !answer.is_empty() && answered.starts_with(answer),
            "{shown}: {answered}"
        );
    }
    assert_eq!(lines(&project, "asked"), Vec::<String>::new());
    let answered = host.ask(&post("/generate/full", "t0k", message));
    let kinds: Vec<&str> =
        answered.split("\"type\": \"").skip(1).filter_map(|it| it.split('"').next()).collect();
    let expected = [
        "WORKFLOW_START",
        "FUNCTION_START",
        "FUNCTION_END",
        "LLM_START",
        "LLM_NEW_TOKEN",
        "LLM_NEW_TOKEN",
        "LLM_END",
        "WORKFLOW_END",
    ];
    assert_eq!(kinds, expected, "only the first token that says something is told: {answered}");
    assert!(answered.contains("data: {\"value\": \"an answer\"}"), "{answered}");
    // Without whoever started it, it ends by itself.
    drop(host.stdin.take());
    assert!(host.child.wait().unwrap().success());
    assert_eq!(lines(&project, "closed"), lines(&project, "hosts"));
}

#[test]
fn a_limit_on_the_runs_at_a_time_is_told_from_a_slow_llm() {
    let project = project("  at_a_time: 2\n  sleep: 0.4\n  slower: 0.2").workflow(
        HOSTED,
        "test: {gpu_count: 1}\nconcurrency: {mode: burst, levels: [1, 2, 8], passes: 3}\n\
         targets: {users: 100, workflow_runtime: 8s, llm_latency: 8s}\nestimate: {method: linear, min_r_squared: 0}",
    );
    let ended = project.run(&["run", "spec.yml"]);
    let result = project.result();
    let limit = &result["diagnosis"]["admission"];
    let [held] = limit["levels"].as_array().unwrap().as_slice() else { panic!("{limit}") };
    assert_eq!(held["concurrency"], 8, "{limit}");
    let (admitted, in_flight) = (&held["admitted"], &held["in_flight"]);
    let (admitted, in_flight) = (admitted.as_f64().unwrap(), in_flight.as_f64().unwrap());
    assert!((1.5..2.05).contains(&admitted) && in_flight > 4.0, "{limit}");
    ended.stdout("the server works on about 2 of ").stdout("is waiting to be admitted");
    let estimates = result["estimates"].as_array().unwrap();
    let doubts = |target: &str| {
        let of = estimates.iter().find(|it| it["target"] == target).unwrap();
        of["doubts"].to_string()
    };
    let said = doubts("workflow_runtime");
    assert!(
        said.contains("the limit found is the server's admission limit of about 2 runs"),
        "{said}"
    );
    let said = doubts("llm_latency");
    assert!(said.contains("the LLM never had more than about 2 runs"), "{said}");
    let free = crate::nat_host::project("  sleep: 0.4")
        .workflow(HOSTED, "concurrency: {mode: burst, levels: [1, 2, 8], passes: 3}");
    free.run(&["run", "spec.yml"]).success();
    assert_eq!(free.result()["diagnosis"]["admission"], Value::Null);
}

/// The toolkit names all components that there are instead, and in that list the one that is not.
#[test]
fn a_component_that_no_package_has_is_named() {
    let project = project("  unknown_type: tavily").workflow(HOSTED, "concurrency: {levels: [1]}");
    project.run(&["run", "spec.yml"]).code(1).stderr(
        "cannot be built: no installed package has `tavily` (function_groups.search): correct the name, or install the one that does\n",
    );
    // Some releases of the toolkit read no datasets without a further package.
    let project = self::project("  unknown_type: json\n  unknown_at: eval.general.dataset")
        .workflow(HOSTED, "concurrency: {levels: [1]}");
    project.run(&["run", "spec.yml"]).code(1).stderr(
        "has `json` (eval.general.dataset): correct the name, or install the one that does (such as nvidia-nat-eval)",
    );
}

#[test]
fn a_group_of_errors_is_named_by_the_first_of_them() {
    let project = project("  build_group: no tools").workflow(HOSTED, "concurrency: {levels: [1]}");
    let ended = project.run(&["run", "spec.yml"]).code(1);
    ended.stderr("cannot be built: ConnectionError: no tools");
}
