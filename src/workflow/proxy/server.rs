//! Admission: only requests to this very port with a valid token may pass.

use super::forward::{Answer, forward, refusal};
use super::open_runs::OpenRun;
use super::shared::{SharedState, Upstream};
use crate::workflow::hosts::is_asked_for;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use percent_encoding::percent_decode_str;
use reqwest::Url;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Maximum size of a request head. Those of LLM clients take a few hundred bytes.
const LONGEST_HEAD: usize = 64 << 10;
const MOST_HEADERS: usize = 100;
/// Time within which a request head must arrive.
const SLOWEST_HEAD: Duration = Duration::from_secs(30);

/// Destination of an admitted request.
struct AdmittedRequest<'a> {
    run: Arc<OpenRun>,
    upstream: &'a Upstream,
    /// Path and query at the server.
    rest: String,
}

/// Refusal of a request, with status and message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Refusal(StatusCode, &'static str);

/// Serves until the task is aborted, which ends all connections.
pub(super) async fn serve(listener: TcpListener, shared: Arc<SharedState>) {
    let builder = builder();
    let mut connections = JoinSet::new();
    loop {
        let accepted = listener.accept().await;
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = accepted else {
            // Most likely out of file descriptors; some will be closed soon.
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        // Without this, a small piece would wait until the client has acknowledged the one before.
        let _ = stream.set_nodelay(true);
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| {
            let shared = Arc::clone(&shared);
            async move { Ok::<_, Infallible>(answer(&shared, request).await) }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        connections.spawn(async move {
            // A broken connection is reported by the call that it interrupts.
            let _ = connection.await;
        });
    }
}

fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(SLOWEST_HEAD)
        .max_headers(MOST_HEADERS)
        .max_buf_size(LONGEST_HEAD);
    builder
}

async fn answer(shared: &Arc<SharedState>, request: Request<Incoming>) -> Answer {
    let chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let mut answer = match admit(shared, &request) {
        Ok(AdmittedRequest { run, upstream, rest }) => {
            let path = rest.split_once('?').map_or(rest.as_str(), |(path, _)| path);
            // The path of the request begins with the run's token, which must not be logged; this is the rest
            // of it.
            tracing::debug!("proxy: {} {path}", request.method());
            forward(shared, run, upstream, &rest, request).await
        }
        Err(Refusal(status, message)) => {
            tracing::debug!("proxy: a request is refused: {status}, {message}");
            refusal(status, message)
        }
    };
    if chunked {
        // What follows such a body may be part of it for whoever counts bytes differently, so nothing more on
        // this connection is looked at.
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// Decides whether a request may pass, by its head alone.
fn admit<'a, B>(
    shared: &'a SharedState,
    request: &Request<B>,
) -> Result<AdmittedRequest<'a>, Refusal> {
    let headers = request.headers();
    let uri = request.uri();
    if uri.authority().is_some() || *request.method() == Method::CONNECT {
        let message = "this proxy forwards to its own servers only";
        return Err(Refusal(StatusCode::FORBIDDEN, message));
    }
    let sizes = headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    if sizes.sum::<usize>() > LONGEST_HEAD {
        let message = "the headers are larger than 64 KiB";
        return Err(Refusal(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, message));
    }
    is_for_us(shared, headers)?;
    is_framed_once(headers)?;
    let path = uri.path_and_query().map_or("/", |it| it.as_str());
    let (first, after) = segment(path);
    let (run, (name, rest)) = match shared.tickets.find(first) {
        Some(run) => (run, segment(after)),
        None => (by_header(shared, headers)?, (first, after)),
    };
    let upstream = shared.upstreams.get(name);
    let upstream =
        upstream.ok_or(Refusal(StatusCode::NOT_FOUND, "no server is known by this name"))?;
    Ok(AdmittedRequest { run, upstream, rest: below(upstream, rest)? })
}

fn is_for_us(shared: &SharedState, headers: &HeaderMap) -> Result<(), Refusal> {
    if is_asked_for(shared.address, headers) {
        Ok(())
    } else {
        Err(Refusal(StatusCode::MISDIRECTED_REQUEST, "the Host header names another host"))
    }
}

/// Resolves the path and query at the server. A path that leaves the server's base address is refused, since
/// the server's key would go along.
fn below(upstream: &Upstream, rest: &str) -> Result<String, Refusal> {
    const OUTSIDE: Refusal =
        Refusal(StatusCode::FORBIDDEN, "this path is outside the server's base path");
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, it)| (path, Some(it)));
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let url = Url::parse(&format!("http://upstream{path}")).map_err(|_| OUTSIDE)?;
    let path = url.path();
    let inside = path.strip_prefix(upstream.path.as_str());
    let inside = inside.is_some_and(|it| it.is_empty() || it.starts_with('/'));
    // Servers differ in how often they decode a path before they resolve it.
    let mut decoded = path.to_owned();
    for _ in 0..3 {
        decoded = percent_decode_str(&decoded).decode_utf8_lossy().into_owned();
    }
    if !inside || decoded.split(['/', '\\']).any(|step| matches!(step, "." | "..")) {
        return Err(OUTSIDE);
    }
    let query = query.into_iter().chain(upstream.query.as_deref());
    let query = query.filter(|query| !query.is_empty()).collect::<Vec<_>>().join("&");
    Ok(if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") })
}

/// Rejects a body with more than one length, by which a second request could be smuggled in.
fn is_framed_once(headers: &HeaderMap) -> Result<(), Refusal> {
    let lengths = headers.get_all(CONTENT_LENGTH).iter().count();
    let encodings = headers.get_all(TRANSFER_ENCODING).iter().count();
    let chunked = headers.get(TRANSFER_ENCODING).is_none_or(|it| it.as_bytes() == b"chunked");
    if lengths + encodings > 1 || !chunked {
        return Err(Refusal(StatusCode::BAD_REQUEST, "the length of the body is ambiguous"));
    }
    Ok(())
}

/// Looks up the run by a header, for a service that serves all runs and passes on one of their headers.
fn by_header(shared: &SharedState, headers: &HeaderMap) -> Result<Arc<OpenRun>, Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let trace = text("traceparent").and_then(|it| it.split('-').nth(1));
    let mut tokens = [text("x-sizer-run"), trace].into_iter().flatten();
    let found = tokens.find_map(|token| shared.tickets.find(token));
    let message = "no run is under way for this token; calls need the base URL that the run was given, or its \
                   x-sizer-run or traceparent header";
    found.ok_or(Refusal(StatusCode::FORBIDDEN, message))
}

/// Splits off the first segment of a path.
fn segment(path: &str) -> (&str, &str) {
    let path = path.strip_prefix('/').unwrap_or(path);
    let end = path.find(['/', '?']).unwrap_or(path.len());
    path.split_at(end)
}

/// Parses requests as they come over a connection, and checks every path that would be passed on against the
/// address of its server.
///
/// # Panics
///
/// If a path leads out of it.
#[cfg(fuzzing)]
pub(super) async fn read_heads(shared: &Arc<SharedState>, bytes: &[u8]) {
    use http_body_util::Empty;
    use hyper::Response;
    use hyper::body::Bytes;
    use tokio::io::AsyncWriteExt;

    const ANSWERS: usize = 1 << 20;
    let (mut client, server) = tokio::io::duplex(ANSWERS);
    client.write_all(bytes).await.unwrap();
    client.shutdown().await.unwrap();
    let service = service_fn(|request| async move {
        if let Ok(AdmittedRequest { upstream, rest, .. }) = admit(shared, &request) {
            let url = Url::parse(&format!("http://upstream{rest}")).unwrap();
            let inside = url.path().strip_prefix(upstream.path.as_str());
            assert!(inside.is_some_and(|it| it.is_empty() || it.starts_with('/')), "{rest}");
            assert_eq!(url.host_str(), Some("upstream"), "{rest}");
            let path = percent_decode_str(url.path()).decode_utf8_lossy().into_owned();
            assert!(!path.split(['/', '\\']).any(|it| it == ".."), "{rest}");
        }
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    });
    // Input that is not a request ends in an error.
    let _ = builder().serve_connection(TokioIo::new(server), service).await;
}
