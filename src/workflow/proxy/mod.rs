//! Recording reverse proxy on a loopback port. It sits between a workflow and its LLM servers and records
//! every call of every run, without the workflow's help.
//!
//! Each run gets a token, in the path of its base URLs and as a header to pass on. `open_runs` keeps the
//! valid tokens and the calls recorded for each, `ticket` is the run's end of it, `server` decides which
//! requests may pass, `forward` passes them on, and `watch` derives an LLM call from what passes by.

mod bodies;
mod forward;
mod open_runs;
mod server;
mod shared;
mod ticket;
mod watched_call;

pub(super) use ticket::Ticket;

use super::transport::{Access, Endpoint};
use super::{Clock, ConnectError, LlmSpec};
use crate::language::{Seconds, Vault};
use crate::measure::Run;
use bodies::Bodies;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use indexmap::IndexMap;
use open_runs::Tickets;
use shared::{SharedState, Upstream};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Running proxy; dropping it stops it.
pub(super) struct Proxy {
    shared: Arc<SharedState>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy before LLM servers, if the spec names any.
    pub fn before(
        spec: Option<&LlmSpec>,
        timeout: Seconds,
        base_dir: &Path,
        vault: &Vault<'_>,
    ) -> Result<Option<Arc<Self>>, ConnectError> {
        let proxy = spec.map(|spec| Self::start(spec, timeout, base_dir, vault));
        Ok(proxy.transpose()?.map(Arc::new))
    }

    /// Starts a proxy. Must be called within a tokio runtime.
    fn start(
        spec: &LlmSpec,
        timeout: Seconds,
        base_dir: &Path,
        vault: &Vault<'_>,
    ) -> Result<Self, ConnectError> {
        let mut upstreams = IndexMap::new();
        for (name, server) in spec.servers() {
            let access = Access {
                address: &server.url,
                api_key: server.api_key.as_ref(),
                headers: &server.headers,
                timeout,
                connection: &spec.connection,
                base_dir,
            };
            let endpoint = Endpoint::new(&access, vault)?;
            let url = server.url.reveal(vault)?;
            let upstream = Upstream {
                name: name.clone(),
                endpoint: Arc::new(endpoint),
                path: url.path().trim_end_matches('/').to_owned(),
                query: url.query().map(str::to_owned),
                env: server.env,
                has_key: server.api_key.is_some(),
            };
            upstreams.insert(name, upstream);
        }
        let bodies = spec.bodies.as_ref().map(|path| Bodies::create(&base_dir.join(path)));
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, spec.port));
        let listener = listener.and_then(|listener| {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        });
        let listener = listener.map_err(ConnectError::ProxyListen)?;
        let address = listener.local_addr().map_err(ConnectError::ProxyListen)?;
        let bodies = bodies.transpose()?;
        let redactor = vault.redactor().clone();
        let shared = Arc::new(SharedState {
            address,
            upstreams,
            tickets: Tickets::default(),
            bodies,
            redactor,
        });
        let task = tokio::spawn(server::serve(listener, Arc::clone(&shared)));
        Ok(Self { shared, task })
    }

    /// Admits a run and returns its ticket. Its calls are timed on `clock`.
    pub fn open(&self, id: &str, clock: Clock) -> Ticket {
        ticket::Ticket::new(Arc::clone(&self.shared), id, clock)
    }

    /// Environment variables for a service that serves all runs and has to pass on a header of each.
    pub fn variables(&self) -> Vec<(String, String)> {
        self.shared.variables("")
    }

    /// Runs the workflow with the proxy's correlation headers, and attaches the recorded calls.
    pub async fn watch<F: Future<Output = Run>>(
        &self,
        id: &str,
        clock: Clock,
        run: impl FnOnce(HeaderMap) -> F,
    ) -> Run {
        let ticket = self.open(id, clock);
        let headers = ticket.headers().into_iter().filter_map(|(name, value)| {
            Some((HeaderName::from_static(name), HeaderValue::try_from(value).ok()?))
        });
        let run = run(headers.collect()).await;
        ticket.finish(run).await
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Parses the heads of requests to a proxy that never forwards one. `TOKEN` and `HOST` in the input are
/// replaced by valid values.
#[cfg(fuzzing)]
pub(super) fn read_heads(bytes: &[u8]) {
    use crate::redact::Redactor;
    use std::sync::LazyLock;
    use tokio::runtime::{Builder, Runtime};

    static PROXY: LazyLock<(Runtime, Proxy, Ticket)> = LazyLock::new(|| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let spec = LlmSpec::of("http://127.0.0.1:9/v1".to_owned().into());
        let (env, redactor) = (|_: &str| None, Redactor::default());
        let started = runtime.block_on(async {
            let vault = Vault::new(&env, &redactor);
            Proxy::start(&spec, "1s".parse().unwrap(), Path::new("."), &vault)
        });
        let proxy = started.unwrap();
        let ticket = proxy.open("1", Clock::start());
        (runtime, proxy, ticket)
    });
    let (runtime, proxy, ticket) = &*PROXY;
    let [(_, _), (_, token)] = ticket.headers();
    let filled = replaced(bytes, b"TOKEN", token.as_bytes());
    let filled = replaced(&filled, b"HOST", proxy.shared.address.to_string().as_bytes());
    runtime.block_on(server::read_heads(&proxy.shared, &filled));
}

#[cfg(fuzzing)]
fn replaced(bytes: &[u8], word: &[u8], value: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), bytes);
    while let Some(at) = memchr::memmem::find(rest, word) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(value);
        rest = &rest[at + word.len()..];
    }
    out.extend_from_slice(rest);
    out
}
