//! HTTP server of the simulator: routes, counters and lifetime.

use super::config::SimulatorSpec;
use super::driver::Driver;
use super::log::Log;
use super::shared::SharedState;
use super::{chat, generate};
use crate::workflow::hosts::{is_asked_for, is_named};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Version};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use serde_json::json;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Running simulator; dropping it stops it.
pub struct Simulator {
    address: SocketAddr,
    shared: Arc<SharedState>,
    task: JoinHandle<()>,
}

impl Simulator {
    /// Starts a simulator on a loopback port (0 for any free one). Must be called within a tokio runtime.
    /// Requests are recorded in `log`, if given.
    pub fn start(spec: &SimulatorSpec, port: u16, log: Option<File>) -> std::io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(SharedState {
            spec: spec.clone(),
            driver: Driver::start(spec),
            requests: AtomicU64::new(0),
            in_flight: AtomicUsize::new(0),
            highest_in_flight: AtomicUsize::new(0),
            log: log.map(Log::new),
        });
        let routes = Router::new()
            .route("/v1/chat/completions", post(chat::complete))
            .route("/v1/models", get(models))
            .route("/generate/full", post(generate::full))
            .route("/health", get(async || "ok\n"))
            .route("/metrics", get(metrics))
            .with_state(Arc::clone(&shared))
            .layer(from_fn(move |request, next| only_ours(address, request, next)));
        // Without this, a small piece would wait up to 40 ms until the client has acknowledged the one
        // before.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let task = tokio::spawn(async move {
            // Serving a listener ends only with the task.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { address, shared, task })
    }

    /// Address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Number of requests for an answer so far.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Highest number of requests in flight at once so far.
    pub fn highest_in_flight(&self) -> usize {
        self.shared.highest_in_flight.load(Ordering::Relaxed)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(log) = &self.shared.log {
            log.flush();
        }
    }
}

/// Rejects requests that are not meant for this very server. Like the proxy, it must not be an open proxy,
/// and no page in a browser may talk to it under another name.
async fn only_ours(address: SocketAddr, request: Request, next: Next) -> Response {
    let authority = request.uri().authority();
    let ours = if request.version() == Version::HTTP_2 {
        authority.is_some_and(|authority| is_named(address, authority.as_str()))
    } else {
        authority.is_none() && is_asked_for(address, request.headers())
    };
    if ours {
        return next.run(request).await;
    }
    let message = format!("the simulator answers only for {address}");
    let body = json!({ "error": { "message": message } }).to_string();
    (StatusCode::MISDIRECTED_REQUEST, body).into_response()
}

async fn models() -> &'static str {
    r#"{"object":"list","data":[{"id":"simulator","object":"model","owned_by":"sizer"}]}"#
}

/// Renders the counters in the Prometheus text format.
async fn metrics(State(shared): State<Arc<SharedState>>) -> String {
    let lines = [
        ("requests_total", "counter", shared.requests.load(Ordering::Relaxed)),
        ("requests_in_flight", "gauge", shared.in_flight.load(Ordering::Relaxed) as u64),
        (
            "requests_in_flight_max",
            "gauge",
            shared.highest_in_flight.load(Ordering::Relaxed) as u64,
        ),
    ];
    let text = lines.map(|(name, kind, value)| {
        format!("# TYPE sizer_simulator_{name} {kind}\nsizer_simulator_{name} {value}\n")
    });
    text.concat()
}
