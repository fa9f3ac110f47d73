//! A fluent builder for runs of the binary, and the servers that tests need.

use sizer::Spec;
use sizer::sections::Parts;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_sizer");

/// Four questions.
pub(crate) const QUESTIONS: &str = "\
{\"id\": 1, \"question\": \"What is 3 x 7?\"}
{\"id\": 2, \"question\": \"What is 4 x 5?\"}
{\"id\": 3, \"question\": \"What is 6 x 6?\"}
{\"id\": 4, \"question\": \"What is 8 x 2?\"}
";

/// A project in a temporary folder: `spec.yml`, `questions.jsonl` and whatever a test adds.
pub(crate) struct Sizer {
    dir: TempDir,
    env: BTreeMap<String, String>,
}

impl Sizer {
    pub fn new() -> Self {
        Self::at(TempDir::new().unwrap())
    }

    /// A project in a folder that the test has prepared.
    pub fn at(dir: TempDir) -> Self {
        let project = Self { dir, env: BTreeMap::new() };
        project.file("questions.jsonl", QUESTIONS)
    }

    /// The whole spec.
    pub fn spec(self, text: &str) -> Self {
        self.file("spec.yml", text)
    }

    /// A spec from its workflow and whatever else it needs beside dataset and name.
    pub fn workflow(self, workflow: &str, rest: &str) -> Self {
        self.spec(&format!(
            "version: 1\nname: test\ndataset: {{path: questions.jsonl}}\nworkflow: {workflow}\n{rest}\n"
        ))
    }

    pub fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.path(name), text).unwrap();
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The spec as the binary reads it, with the project's environment.
    pub fn read_spec(&self) -> Spec {
        let env = |name: &str| self.env.get(name).cloned();
        let read = |path: &Path| std::fs::read_to_string(self.path("").join(path));
        let parts = Parts { project: None, profile: None, overrides: &[], env: &env, read: &read };
        let spec = Spec::parse(&self.read("spec.yml"), &self.path("spec.yml"), &parts).unwrap();
        spec.into_inner()
    }

    pub fn result(&self) -> serde_json::Value {
        serde_json::from_str(&self.read("out/result.json")).unwrap()
    }

    /// The runs of a level, as `sizer show` prints them.
    pub fn runs(&self, stage: &str) -> Vec<serde_json::Value> {
        let shown = self.run(&["show", "spec.yml", stage]).success().stdout;
        shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The file in the store that holds what was measured at a stage, by the lock file.
    pub fn object_of(&self, stage: &str) -> PathBuf {
        let lock = self.read("sizer.lock");
        let whose = format!("\"{stage}\"");
        let line = |line: &&str| line.starts_with("digest = ") && line.ends_with(&whose);
        let digest = lock.lines().find(line).unwrap().split('"').nth(1).unwrap();
        self.path(".sizer/objects").join(&digest[..2]).join(&digest[2..])
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.env_remove("RUST_LOG").env_remove("SIZER_LOG");
        command.args(args).current_dir(self.dir.path()).envs(&self.env);
        // Neither a proxy nor colours of the machine that runs the tests.
        command.env("NO_PROXY", "*").env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    /// Runs the binary in the project's folder.
    pub fn run(&self, args: &[&str]) -> Ended {
        let output = self.command(args).output().unwrap();
        Ended {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code(),
        }
    }

    /// Every file of the project.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut open = vec![self.dir.path().to_owned()];
        while let Some(dir) = open.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { open.push(path) } else { files.push(path) }
            }
        }
        files
    }
}

/// A run of the binary that is over.
#[derive(Debug)]
pub(crate) struct Ended {
    pub stdout: String,
    pub stderr: String,
    pub code: Option<i32>,
}

impl Ended {
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, Some(expected), "{self:#?}");
        self
    }

    #[track_caller]
    pub fn success(self) -> Self {
        self.code(0)
    }

    #[track_caller]
    pub fn stdout(self, part: &str) -> Self {
        assert!(self.stdout.contains(part), "no `{part}` on stdout: {self:#?}");
        self
    }

    #[track_caller]
    pub fn stderr(self, part: &str) -> Self {
        assert!(self.stderr.contains(part), "no `{part}` on stderr: {self:#?}");
        self
    }
}

/// `sizer simulate` as a process of its own.
pub(crate) struct SimulatorProcess {
    child: Child,
    pub address: SocketAddr,
}

impl SimulatorProcess {
    pub fn start(settings: &[&str]) -> Self {
        Self::start_on(0, settings)
    }

    /// On a port of which another was the server before.
    pub fn start_on(port: u16, settings: &[&str]) -> Self {
        let mut command = Command::new(BINARY);
        command
            .args(["simulate", "--port", &port.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        for setting in settings {
            command.args(["--set", setting]);
        }
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().parse().unwrap();
        Self { child, address }
    }

    /// A fast engine whose time grows with load far more than a busy machine can hide.
    pub fn fast() -> Self {
        Self::start(&["engine.base=1ms", "engine.per_sequence=5ms", "output_tokens=4"])
    }

    /// A counter of its `/metrics`.
    pub fn metric(&self, name: &str) -> u64 {
        let text = get(self.address, "/metrics");
        let line =
            text.lines().find_map(|line| line.strip_prefix(&format!("sizer_simulator_{name} ")));
        line.unwrap().trim().parse().unwrap()
    }
}

impl Drop for SimulatorProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// A server that answers requests with whatever the test says, over real sockets.
pub(crate) struct Scripted {
    pub address: SocketAddr,
    /// Requests (head and body) as they came.
    pub requests: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    /// `answer` gets each POST and its number on its connection and writes to the socket; `false`
    /// closes it. Other requests are answered with 200.
    pub fn start(answer: impl Fn(&mut TcpStream, usize) -> bool + Send + Sync + 'static) -> Self {
        Self::serve(answer, |socket| respond(socket, "200 OK", "{}"))
    }

    /// `answer` gets each request, whatever its method.
    pub fn start_any(
        answer: impl Fn(&mut TcpStream) -> bool + Clone + Send + Sync + 'static,
    ) -> Self {
        let other = answer.clone();
        Self::serve(move |socket, _| answer(socket), other)
    }

    fn serve(
        answer: impl Fn(&mut TcpStream, usize) -> bool + Send + Sync + 'static,
        other: impl Fn(&mut TcpStream) -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (answer, other) = (Arc::new(answer), Arc::new(other));
        let log = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                let other = Arc::clone(&other);
                std::thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    // Or small writes wait for the client to acknowledge the last one.
                    stream.set_nodelay(true).unwrap();
                    let mut posts = 0;
                    while let Some(request) = read_request(&mut stream) {
                        if !request.starts_with("POST") {
                            LAST_REQUEST.with_borrow_mut(|last| last.clone_from(&request));
                            other(&mut stream);
                            continue;
                        }
                        LAST_REQUEST.with_borrow_mut(|last| last.clone_from(&request));
                        log.lock().unwrap().push(request);
                        posts += 1;
                        if !answer(&mut stream, posts) {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, requests }
    }
}

/// A server that answers, and is gone after so many answers: nothing listens, nothing is answered any more.
pub(crate) struct Mortal {
    pub port: u16,
}

impl Mortal {
    /// On a port, which may be 0.
    pub fn start(port: u16, answers: usize) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let address = listener.local_addr().unwrap();
        let posts = Arc::new(AtomicUsize::new(0));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if posts.load(Ordering::SeqCst) >= answers {
                    break;
                }
                let (mut stream, posts) = (stream.unwrap(), Arc::clone(&posts));
                std::thread::spawn(move || {
                    while let Some(request) = read_request(&mut stream) {
                        let is_post = request.starts_with("POST");
                        if is_post && posts.fetch_add(1, Ordering::SeqCst) >= answers {
                            // Whoever waits for connections hears of it.
                            drop(TcpStream::connect(address));
                            return;
                        }
                        respond(&mut stream, "200 OK", ANSWER);
                    }
                });
            }
        });
        Self { port: address.port() }
    }
}

thread_local! {
    static LAST_REQUEST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The request that a scripted server is answering: each connection has a thread of its own.
pub(crate) fn last_request() -> String {
    LAST_REQUEST.with_borrow(String::clone)
}

/// A whole answer with its length.
pub(crate) fn respond(stream: &mut TcpStream, status: &str, body: &str) -> bool {
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n");
    write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).is_ok()
}

/// A good answer of the chat completions protocol in one piece.
pub(crate) const ANSWER: &str = r#"{"choices":[{"message":{"role":"assistant","content":"21"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":1}}"#;

/// The next request, head and body; `None` once the other side has closed.
pub(crate) fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8_lossy(&body))
}

/// Whether a file holds some text, whatever else it holds.
pub(crate) fn holds(path: &Path, text: &str) -> bool {
    let bytes = std::fs::read(path).unwrap();
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// A port that nobody listens on now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
