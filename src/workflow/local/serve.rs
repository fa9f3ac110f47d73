//! Server that is started before a sweep and stopped after it.

use super::config::ServeSpec;
use super::leftover::{self, SERVE, STARTED_BY};
use super::process::{Process, exit};
use super::program::Program;
use super::tail::{Listener, Log, Tail};
use crate::language::{Address, Seconds, Vault};
use crate::measure::{Failure, FailureKind, Item, Run};
use crate::redact::Redactor;
use crate::workflow::proxy::Proxy;
use crate::workflow::transport::{Access, Endpoint, Notes, Target};
use crate::workflow::{BoxFuture, Clock, ConnectError, ConnectionSpec, Headers, Workflow, private};
use bytes::Bytes;
use hyper::Method;
use hyper::header::HeaderMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Interval between checks for readiness.
const PATIENCE: Duration = Duration::from_millis(50);

/// Time for which a program may outlive the server it provides. A script that waits for a server has
/// something to say when that is gone.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Workflow together with the server that it is served by.
pub struct ServedWorkflow {
    inner: Arc<dyn Workflow>,
    program: Program,
    variables: Vec<(String, String)>,
    ready: Option<(Endpoint, Target)>,
    ready_timeout: Duration,
    /// Identifies its process to a later sizer.
    name: String,
    log: Option<PathBuf>,
    server: Mutex<Option<Server>>,
}

struct Server {
    process: Process,
    printed: Arc<Tail>,
    printing: [Listener; 2],
}

impl ServedWorkflow {
    /// Puts a server around a client, if the spec has one to start.
    pub(in crate::workflow) fn around(
        spec: Option<&ServeSpec>,
        client: Arc<dyn Workflow>,
        proxy: Option<&Proxy>,
        base_dir: &Path,
        vault: &Vault<'_>,
    ) -> Result<Arc<dyn Workflow>, ConnectError> {
        match spec {
            Some(spec) => Ok(Arc::new(Self::new(spec, client, proxy, base_dir, vault)?)),
            None => Ok(client),
        }
    }

    /// Prepares a server, which is started when the workflow is checked. The proxy's address is passed on to
    /// it.
    fn new(
        spec: &ServeSpec,
        inner: Arc<dyn Workflow>,
        proxy: Option<&Proxy>,
        base_dir: &Path,
        vault: &Vault<'_>,
    ) -> Result<Self, ConnectError> {
        let program = Self::program(spec, base_dir, vault)?;
        let mut variables = proxy.map_or_else(Vec::new, Proxy::variables);
        let name = leftover::name_of(base_dir, &spec.run);
        variables.push((SERVE.to_owned(), name.clone()));
        variables.push((STARTED_BY.to_owned(), leftover::this_process()));
        let ready = spec.ready.as_ref().map(|address| endpoint(address, base_dir, vault));
        Ok(Self {
            inner,
            program,
            variables,
            ready: ready.transpose()?,
            ready_timeout: spec.ready_timeout.to_std(),
            name,
            log: spec.log.as_ref().map(|log| base_dir.join(log)),
            server: Mutex::default(),
        })
    }

    /// Prepares the program, or fails if it cannot be started as the spec says.
    pub(in crate::workflow) fn program(
        spec: &ServeSpec,
        base_dir: &Path,
        vault: &Vault<'_>,
    ) -> Result<Program, ConnectError> {
        let program = Program::new(&spec.program(), base_dir, vault)?;
        if program.is_fixed() {
            return Ok(program);
        }
        let message = "`run` and `env` of `serve` cannot hold templates: a server serves all items";
        Err(ConnectError::Client(message.to_owned()))
    }

    /// Asks the server whether it is ready.
    async fn is_ready(&self) -> Result<(), Failure> {
        let Some((endpoint, target)) = &self.ready else { return self.inner.check().await };
        let (headers, notes) = (HeaderMap::new(), Notes::default());
        let sent = endpoint.send(&Method::GET, target, &headers, Bytes::new(), &notes);
        sent.await?.success().await.map(drop)
    }

    async fn look(&self) -> Result<(), Failure> {
        let mut server = self.server.lock().await;
        if let Some(server) = &mut *server {
            let answers = match server.process.ended() {
                None => self.inner.check().await,
                Some(status) => return Err(self.ended(status, server).await),
            };
            let gone = Instant::now();
            while answers.is_err() && gone.elapsed() < LAST_WORDS {
                if let Some(status) = server.process.ended() {
                    return Err(self.ended(status, server).await);
                }
                tokio::time::sleep(PATIENCE).await;
            }
            return answers;
        }
        leftover::end_leftovers(&self.name).await;
        // Otherwise a different server would be measured than the spec asks for.
        if tokio::time::timeout(Duration::from_secs(2), self.is_ready()).await == Ok(Ok(())) {
            let message = "something already answers at the address where `workflow.serve` would start its server: \
                           stop it, or leave `serve` out";
            return Err(Failure::new(FailureKind::Spawn, message));
        }
        let mut starting = self.start()?;
        let began = Instant::now();
        loop {
            if let Some(status) = starting.process.ended() {
                return Err(self.ended(status, &mut starting).await);
            }
            let asked = tokio::time::timeout(self.ready_timeout, self.is_ready()).await;
            let failure = match asked {
                Ok(Ok(())) => break,
                Ok(Err(failure)) => failure.to_string(),
                Err(_) => "it does not answer".to_owned(),
            };
            if began.elapsed() >= self.ready_timeout {
                starting.process.stop().await;
                let said = starting.said(self.program.redactor()).await;
                let seconds = self.ready_timeout.as_secs_f64();
                let message = format!(
                    "the server of `workflow.serve` was not ready within {seconds} s ({failure}); it said: {said}"
                );
                return Err(Failure::new(FailureKind::Spawn, message));
            }
            tokio::time::sleep(PATIENCE).await;
        }
        *server = Some(starting);
        drop(server);
        self.inner.check().await
    }

    fn start(&self) -> Result<Server, Failure> {
        let log = self.log.as_ref().map(|path| {
            let both = private::create(path).and_then(|file| Ok((file.try_clone()?, file)));
            both.map_err(|error| {
                let path = path.display();
                let message = format!("the server's log {path} cannot be written: {error}");
                Failure::new(FailureKind::Spawn, message)
            })
        });
        let masked = |file| Log::new(file, self.program.redactor().clone());
        let (out, err) = log.transpose()?.unzip();
        let (out, err) = (out.map(masked), err.map(masked));
        let command = self.program.command(&Item::default(), &self.variables);
        let mut process = Process::start_unheard(&mut command?)?;
        drop(process.stdin());
        let printed = Arc::<Tail>::default();
        let printing = [
            Tail::listen_and_write(&printed, process.stdout(), out),
            Tail::listen_and_write(&printed, process.stderr(), err),
        ];
        Ok(Server { process, printed, printing })
    }

    async fn ended(&self, status: std::process::ExitStatus, server: &mut Server) -> Failure {
        let failure = exit(status, &server.said(self.program.redactor()).await);
        let message = format!("the server of `workflow.serve` has ended, {}", failure.message);
        Failure::new(FailureKind::Spawn, message)
    }
}

impl Server {
    /// Recent output of the server.
    async fn said(&mut self, redactor: &Redactor) -> String {
        for listener in &mut self.printing {
            listener.last_words().await;
        }
        let text = self.printed.text(redactor);
        if text.is_empty() { "nothing".to_owned() } else { text }
    }
}

fn endpoint(
    address: &Address,
    base_dir: &Path,
    vault: &Vault<'_>,
) -> Result<(Endpoint, Target), ConnectError> {
    let headers = Headers::new();
    let access = Access {
        address,
        api_key: None,
        headers: &headers,
        timeout: Seconds::default(),
        connection: &ConnectionSpec::default(),
        base_dir,
    };
    let endpoint = Endpoint::new(&access, vault)?;
    let target = endpoint.target("")?;
    Ok((endpoint, target))
}

impl Workflow for ServedWorkflow {
    fn check(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(self.look())
    }

    fn prepare<'a>(&'a self, concurrency: u32, items: &'a [Item]) -> BoxFuture<'a, ()> {
        self.inner.prepare(concurrency, items)
    }

    fn run<'a>(&'a self, item: &'a Item, clock: Clock) -> BoxFuture<'a, Run> {
        self.inner.run(item, clock)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.inner.close().await;
            if let Some(mut server) = self.server.lock().await.take() {
                server.process.stop().await;
                let _ = server.said(self.program.redactor()).await;
            }
            self.program.kill_strays();
        })
    }
}
