//! Worker processes that stay for many runs, with one line of JSON in and one out per run.

use super::process::{Process, exit, with_last_words};
use super::program::Program;
use super::tail::LAST_WORDS;
use crate::measure::{Failure, FailureKind, Item, Outcome, Run};
use crate::redact::Redactor;
use crate::workflow::Clock;
use crate::workflow::proxy::{Proxy, Ticket};
use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::Semaphore;

/// Maximum size of an answer in bytes.
const LONGEST_ANSWER: u64 = 16 << 20;
/// Number of workers started at the same time, since starting a program takes a whole core.
const STARTING: usize = 4;

/// Worker process.
struct Worker {
    process: Process,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    redactor: Redactor,
}

const SURPLUS: &str = "a worker printed more than one line for a run";

/// Answer of a worker. Every field is optional and others are ignored.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
    #[serde(default)]
    runtime: Option<f64>,
}

/// Slot for a worker; empty after the worker died, until the next run.
type Place = Option<Worker>;

/// Worker pool of a level.
pub(in crate::workflow) struct Workers {
    program: Program,
    proxy: Option<Arc<Proxy>>,
    timeout: Duration,
    /// Slots not occupied by a run.
    free: Mutex<VecDeque<Place>>,
    permits: Semaphore,
}

impl Workers {
    pub fn new(program: Program, proxy: Option<Arc<Proxy>>, timeout: Duration) -> Self {
        let (free, permits) = (Mutex::default(), Semaphore::new(0));
        Self { program, proxy, timeout, free, permits }
    }

    fn free(&self) -> MutexGuard<'_, VecDeque<Place>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resizes the pool to `count` workers, each of which has answered once. Must not be called while a run
    /// is in flight.
    pub async fn prepare(&self, count: usize, warm_up: &Item) {
        let (mut kept, mut missing) = (VecDeque::new(), 0);
        let surplus: Vec<Place> = {
            let mut free = self.free();
            while free.len() < count {
                free.push_back(None);
            }
            let surplus = free.split_off(count).into_iter().collect();
            for mut place in free.drain(..) {
                // A worker that died since the last level is only noticed by asking.
                if place.as_mut().is_some_and(|worker| worker.process.ended().is_none()) {
                    kept.push_back(place);
                } else {
                    missing += 1;
                }
            }
            surplus
        };
        stop(surplus).await;
        let started = stream::iter(0..missing).map(|_| self.start(warm_up));
        let started: Vec<Place> =
            started.buffer_unordered(STARTING).map(Result::ok).collect().await;
        let mut free = self.free();
        *free = kept.into_iter().chain(started).collect();
        self.permits.forget_permits(self.permits.available_permits());
        self.permits.add_permits(free.len());
    }

    /// Starts a worker and has it answer once, unmeasured.
    async fn start(&self, warm_up: &Item) -> Result<Worker, Failure> {
        // Its LLM calls belong to no run.
        let ticket = self.proxy.as_ref().map(|proxy| proxy.open("warm-up", Clock::start()));
        let mut told = ticket.as_ref().map_or_else(Map::new, Ticket::to_json);
        told.insert("warmup".to_owned(), true.into());
        let variables = self.proxy.as_ref().map_or_else(Vec::new, |proxy| proxy.variables());
        let mut command = self.program.command(&Item::default(), &variables)?;
        let mut process = Process::start(&mut command)?;
        let lost = || Failure::new(FailureKind::Spawn, "a worker has no pipes");
        let stdin = process.stdin().ok_or_else(lost)?;
        let stdout = BufReader::new(process.stdout().ok_or_else(lost)?);
        let redactor = self.program.redactor().clone();
        let mut worker = Worker { process, stdin, stdout, redactor };
        let line = line_of(warm_up, told);
        let asked = worker.ask(&line, &warm_up.id);
        match tokio::time::timeout(self.timeout, asked).await {
            Ok(Ok(_)) => Ok(worker),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(self.too_late(worker).await),
        }
    }

    /// Runs an item. Neither waiting for a worker nor replacing a dead one counts as part of the run.
    pub async fn run(&self, item: &Item, told: Map<String, Value>, clock: Clock) -> Run {
        let mut run = Run { id: item.id.clone(), ..Run::default() };
        let Ok(permit) = self.permits.acquire().await else {
            // Cannot happen while a level is under way, since nothing closes the semaphore.
            let failure = Failure::new(FailureKind::Spawn, "the workers are gone");
            return Run { outcome: Outcome::Failed(failure), ..run };
        };
        let mut place = self.free().pop_front().flatten();
        let line = line_of(item, told);
        let mut result = Err(Failure::new(FailureKind::Spawn, "no worker"));
        if place.is_none() {
            match self.start(item).await {
                Ok(worker) => place = Some(worker),
                Err(failure) => result = Err(failure),
            }
        }
        run.start = clock.now();
        if let Some(worker) = &mut place {
            let asked = worker.ask(&line, &item.id);
            let answered = tokio::time::timeout(self.timeout, asked).await;
            run.end = clock.now();
            result = match (answered, place.take()) {
                // A worker that reports a failed run is still healthy.
                (Ok(Ok(answer)), worker) => {
                    place = worker;
                    Ok(answer)
                }
                (Ok(Err(failure)), worker) => {
                    stop(vec![worker]).await;
                    Err(failure)
                }
                (Err(_), Some(worker)) => Err(self.too_late(worker).await),
                (Err(_), None) => result,
            };
        } else {
            run.end = run.start;
        }
        self.free().push_back(place);
        drop(permit);
        let result = result.and_then(|answer| {
            run.server_runtime = run.believed(answer.runtime);
            match answer.error {
                None | Some(Value::Null) => Ok(()),
                Some(Value::String(error)) => Err(Failure::new(FailureKind::Reported, error)),
                Some(error) => Err(Failure::new(FailureKind::Reported, error.to_string())),
            }
        });
        if let Err(failure) = result {
            run.outcome = Outcome::Failed(failure);
        }
        run
    }

    async fn too_late(&self, mut worker: Worker) -> Failure {
        worker.process.stop().await;
        let evidence = worker.process.evidence(self.program.redactor()).await;
        let seconds = self.timeout.as_secs_f64();
        let message = with_last_words(&format!("no answer within {seconds} s"), &evidence);
        Failure::new(FailureKind::Timeout, message)
    }

    /// Ends all workers.
    pub async fn close(&self) {
        let all: Vec<Place> = self.free().drain(..).collect();
        self.permits.forget_permits(self.permits.available_permits());
        stop(all).await;
        self.program.kill_strays();
    }
}

/// Ends workers by closing their input.
async fn stop(places: Vec<Place>) {
    let ends = places.into_iter().flatten().map(|worker| {
        let Worker { process, stdin, stdout, .. } = worker;
        drop((stdin, stdout));
        process.finish()
    });
    futures_util::future::join_all(ends).await;
}

/// Builds the request line of a worker: the item, and the addresses of its LLM servers.
fn line_of(item: &Item, mut told: Map<String, Value>) -> String {
    told.insert("id".to_owned(), item.id.as_str().into());
    told.insert("item".to_owned(), item.to_fields().into());
    let mut line = Value::from(told).to_string();
    line.push('\n');
    line
}

impl Worker {
    /// Sends a line and waits for the answer to it.
    async fn ask(&mut self, line: &str, id: &str) -> Result<Answer, Failure> {
        // It would be taken for the answer.
        if let Some(Ok(early)) = self.stdout.fill_buf().now_or_never()
            && !early.is_empty()
        {
            let early = early.to_vec();
            return Err(self.malformed(SURPLUS, &early));
        }
        if self.stdin.write_all(line.as_bytes()).await.is_err() {
            return Err(self.died().await);
        }
        let mut answer = Vec::new();
        let mut limited = (&mut self.stdout).take(LONGEST_ANSWER);
        let mut reading = std::pin::pin!(limited.read_until(b'\n', &mut answer));
        let read = tokio::select! {
            biased;
            read = &mut reading => read,
            // A child may keep the pipe open after the worker has exited.
            _ = self.process.wait() => tokio::time::timeout(LAST_WORDS, reading)
                .await
                .unwrap_or_else(|_| Err(std::io::ErrorKind::UnexpectedEof.into())),
        };
        if read.is_err() || !answer.ends_with(b"\n") {
            if answer.len() as u64 >= LONGEST_ANSWER {
                let message = "a worker's line is longer than 16 MiB";
                return Err(Failure::new(FailureKind::TooLarge, message));
            }
            return Err(self.died().await);
        }
        let malformed = |what: &str| self.malformed(what, &answer);
        let object = answer.trim_ascii_start().starts_with(b"{");
        let parsed: Option<Answer> = serde_json::from_slice(&answer).ok().filter(|_| object);
        let answer = parsed.ok_or_else(|| malformed("a worker's line is not a JSON object"))?;
        if answer.id.as_ref().is_some_and(|said| *said != id) {
            return Err(malformed(
                "a worker answered for a different run than the one it was given",
            ));
        }
        let surplus = self.stdout.buffer();
        if !surplus.is_empty() {
            return Err(self.malformed(SURPLUS, surplus));
        }
        Ok(answer)
    }

    /// Builds the failure of a worker that printed something else than an answer.
    fn malformed(&self, what: &str, printed: &[u8]) -> Failure {
        const QUOTED: usize = 120;
        let mut said = self.redactor.bytes(printed);
        said.truncate(said.floor_char_boundary(QUOTED));
        let help =
            "a worker prints one line of JSON per run on stdout, and everything else on stderr";
        Failure::new(FailureKind::Malformed, format!("{what}: `{}`; {help}", said.trim()))
    }

    /// Builds the failure of a dead worker, with its exit status and last output.
    async fn died(&mut self) -> Failure {
        const SHORTLY: Duration = Duration::from_millis(500);
        if let Ok(Ok(status)) = tokio::time::timeout(SHORTLY, self.process.wait()).await {
            return exit(status, &self.process.evidence(&self.redactor).await);
        }
        let said = self.process.said().text(&self.redactor);
        Failure::new(FailureKind::Exit, with_last_words("a worker closed its output", &said))
    }
}
