//! A host process: a Python program that runs a configuration's workflow and serves it on the loopback.

use super::client::Nat;
use super::toolkit::missing;
use crate::language::Seconds;
use crate::measure::{CpuTime, Failure, FailureKind, Item, Run};
use crate::redact::Redactor;
use crate::workflow::local::{Process, Program, exit};
use crate::workflow::{Clock, ConnectionSpec, Workflow};
use serde::Deserialize;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::ChildStdin;
use tokio::sync::Mutex;
use uuid::Uuid;

/// Program of a host.
const PROGRAM: &str = include_str!("host.py");
/// What Python is given as an argument: it reads the program itself, which nobody needs to see in a list of
/// processes. Modules in the working directory do not stand in for installed ones.
pub(super) const BOOT: &str = "import sys; sys.path[:] = [path for path in sys.path if path]; \
    exec(compile(sys.stdin.buffer.read(int(sys.stdin.buffer.readline())), 'sizer-host', 'exec'))";
/// Longest line that a host says of itself.
const LONGEST_REPLY: u64 = 64 << 10;

/// Everything about a host that is the same for all hosts of a workflow.
pub(super) struct HostOrder {
    pub program: Program,
    /// Absolute path of the configuration.
    pub config: PathBuf,
    /// Longest time until a host is ready.
    pub ready_timeout: Duration,
    /// Longest time that a run may take.
    pub timeout: Seconds,
    pub connection: ConnectionSpec,
}

/// Process that serves the workflow to whoever knows its token.
pub(super) struct Host {
    process: Mutex<Process>,
    /// Ends when sizer does, and the host with it.
    _lifeline: ChildStdin,
    client: Nat,
    redactor: Redactor,
    in_flight: AtomicU32,
}

/// What a host says once it is ready, or cannot be.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Reply {
    port: Option<u16>,
    error: Option<String>,
    /// True if the toolkit itself cannot be loaded.
    missing: bool,
}

impl HostOrder {
    /// Starts a host, and waits until it is ready.
    pub async fn start(&self) -> Result<Arc<Host>, Failure> {
        let redactor = self.program.redactor();
        let token = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        redactor.add(&token);
        let mut command = self.program.command(&Item::default(), &[])?;
        let mut process = Process::start_logged(&mut command, "host", redactor)?;
        let lost = || spawn("the host of the workflow has no pipes".to_owned());
        let mut stdin = process.stdin().ok_or_else(lost)?;
        let stdout = process.stdout().ok_or_else(lost)?;
        let order = json!({ "config": self.config, "token": token });
        let asked = async {
            let text = format!("{}\n{PROGRAM}{order}\n", PROGRAM.len());
            stdin.write_all(text.as_bytes()).await?;
            let mut line = String::new();
            BufReader::new(stdout.take(LONGEST_REPLY)).read_line(&mut line).await?;
            std::io::Result::Ok(line)
        };
        let Ok(answered) = tokio::time::timeout(self.ready_timeout, asked).await else {
            process.stop().await;
            return Err(self.too_late(&mut process).await);
        };
        let line = answered.unwrap_or_else(|_| String::new());
        let reply: Reply = serde_json::from_str(&line).unwrap_or_else(|_| Reply::default());
        let Some(port) = reply.port else { return Err(self.not_ready(reply, &mut process).await) };
        let address = format!("http://127.0.0.1:{port}");
        let client = Nat::local(address, self.timeout, &self.connection)
            .and_then(|client| client.with_token(&token))
            .map_err(|error| spawn(error.to_string()))?;
        Ok(Arc::new(Host {
            process: Mutex::new(process),
            _lifeline: stdin,
            client,
            redactor: redactor.clone(),
            in_flight: AtomicU32::new(0),
        }))
    }

    async fn too_late(&self, process: &mut Process) -> Failure {
        let said = said(process, self.program.redactor()).await;
        let (config, seconds) = (self.config.display(), self.ready_timeout.as_secs_f64());
        spawn(format!(
            "the workflow of {config} was not ready within {seconds} s (workflow.ready_timeout); it said: {said}"
        ))
    }

    async fn not_ready(&self, reply: Reply, process: &mut Process) -> Failure {
        let config = self.config.display();
        if reply.missing {
            let error = reply.error.unwrap_or_else(|| "no reason is given".to_owned());
            process.stop().await;
            return missing(&format!("cannot be loaded ({error})"));
        }
        if let Some(error) = reply.error {
            process.stop().await;
            return spawn(format!("the workflow of {config} cannot be built: {error}"));
        }
        match process.wait().await {
            Ok(status) => {
                let ended = exit(status, &process.evidence(self.program.redactor()).await);
                spawn(format!("the host of {config} has ended, {}", ended.message))
            }
            Err(error) => spawn(format!("the host of {config} has ended: {error}")),
        }
    }
}

impl Host {
    /// Fails if the host has ended or does not answer.
    pub async fn check(&self) -> Result<(), Failure> {
        /// Time for which a process may outlive what it serves.
        const LAST_WORDS: Duration = Duration::from_secs(2);
        let answered = self.client.check().await;
        let mut process = self.process.lock().await;
        let ended = if answered.is_err() {
            tokio::time::timeout(LAST_WORDS, process.wait()).await.ok().and_then(Result::ok)
        } else {
            process.ended()
        };
        let Some(status) = ended else { return answered };
        let failure = exit(status, &process.evidence(&self.redactor).await);
        Err(spawn(format!("a host of the workflow has ended, {}", failure.message)))
    }

    /// Runs an item.
    pub async fn run(&self, item: &Item, clock: Clock) -> Run {
        let _counted = Counted::among(&self.in_flight);
        self.client.run(item, clock).await
    }

    /// Number of runs that it has in flight.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// CPU time of it so far; `None` if nothing tells.
    pub fn cpu_time(&self) -> Option<CpuTime> {
        self.process.try_lock().ok()?.cpu_time()
    }

    /// Asks it to exit, and ends it if it does not.
    pub async fn stop(&self) {
        self.process.lock().await.stop().await;
    }
}

/// A run that is counted as in flight until it is dropped.
struct Counted<'a>(&'a AtomicU32);

impl<'a> Counted<'a> {
    fn among(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn said(process: &mut Process, redactor: &Redactor) -> String {
    let said = process.evidence(redactor).await;
    if said.is_empty() { "nothing".to_owned() } else { said }
}

fn spawn(message: String) -> Failure {
    Failure::new(FailureKind::Spawn, message)
}
