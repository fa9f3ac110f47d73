//! HTTP connections, and the pool of idle ones.
//!
//! An HTTP/1.1 connection is driven by the task of the run that uses it: data is seen without a detour
//! through another task, and an idle connection costs nothing.

use super::connect::{Connector, NoConnection, Stream};
use super::trail::{Trail, connecting};
use crate::workflow::HttpProtocol;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Idle time after which a closed connection is put down to idleness.
const IDLE: Duration = Duration::from_secs(1);
/// Time within which a server that closes after each answer has closed. One that has not keeps its
/// connections.
const PROOF: Duration = Duration::from_millis(100);
/// Idle time after which something in between may have dropped a connection, which would only show as a reset
/// under the next request.
const TOO_LONG: Duration = Duration::from_secs(45);

/// Request as it is sent.
pub(super) type OutgoingRequest = Request<Full<Bytes>>;

/// Connection pool of one server.
pub(super) struct Connections {
    connector: Connector,
    protocol: HttpProtocol,
    reuse: bool,
    // Boxed: a connection is large, and moves at every request.
    #[expect(clippy::vec_box, reason = "moved in and out all the time")]
    idle: Mutex<Vec<Box<Http1>>>,
    /// True once the server was seen to keep a connection. Until then none is reused right after its answer:
    /// a request that coincides with the close may have been read, so it could not be sent a second time.
    keeps: AtomicBool,
    shared: tokio::sync::Mutex<Option<http2::SendRequest<Full<Bytes>>>>,
    /// Counts of kept connections that were still open when needed, and of those closed soon after their
    /// answer.
    found: (AtomicU32, AtomicU32),
    /// Number of bodies that did not end with their answers and have not been reported yet.
    late: AtomicU32,
}

/// HTTP/1.1 connection, driven by its holder.
pub(super) struct Http1 {
    sender: http1::SendRequest<Full<Bytes>>,
    /// Driver; `None` once the connection has ended. A request that was not sent by then only learns of it
    /// when the driver is dropped.
    driver: Option<http1::Connection<Stream, Full<Bytes>>>,
    /// Time at which its last answer ended.
    kept_at: Option<Instant>,
}

/// Connection that a request can be sent on.
pub(super) enum Connection {
    Http1(Box<Http1>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// Reason why a request had no answer.
#[derive(Debug)]
pub(super) enum SendError {
    Connect(NoConnection),
    Http(hyper::Error),
    /// A stream of HTTP/2 that was reset, if without an error, before the end of its answer.
    CutOff,
}

impl Http1 {
    fn was_idle_for(&self, least: Duration) -> bool {
        self.kept_at.is_some_and(|at| at.elapsed() >= least)
    }

    /// Drives the connection and returns true if it has ended.
    fn drive(&mut self, cx: &mut Context<'_>) -> bool {
        drive(&mut self.driver, cx)
    }

    /// Returns true if another request can be sent: the last one is over and the server still listens.
    async fn is_ready(&mut self) -> bool {
        poll_fn(|cx| {
            if self.drive(cx) {
                return Poll::Ready(false);
            }
            match self.sender.poll_ready(cx) {
                Poll::Ready(result) => Poll::Ready(result.is_ok()),
                // The rest of the last answer is still arriving, and not worth waiting for.
                Poll::Pending => Poll::Ready(false),
            }
        })
        .await
    }
}

fn drive(
    driver: &mut Option<http1::Connection<Stream, Full<Bytes>>>,
    cx: &mut Context<'_>,
) -> bool {
    // Errors also reach the request that they concern.
    if driver.as_mut().is_some_and(|driver| Pin::new(driver).poll(cx).is_ready()) {
        *driver = None;
    }
    driver.is_none()
}

impl Connections {
    pub fn new(connector: Connector, protocol: HttpProtocol, reuse: bool) -> Self {
        let (idle, shared) = (Mutex::default(), tokio::sync::Mutex::default());
        Self {
            connector,
            protocol,
            reuse,
            idle,
            keeps: AtomicBool::new(false),
            shared,
            late: AtomicU32::new(0),
            found: Default::default(),
        }
    }

    /// Counts a body that did not end with its answer.
    pub fn noted_late(&self) {
        self.late.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns and resets the number of late bodies.
    pub fn take_late(&self) -> u32 {
        self.late.swap(0, Ordering::Relaxed)
    }

    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    pub fn protocol(&self) -> HttpProtocol {
        self.protocol
    }

    /// Returns a connection, and true if it was used before.
    pub async fn get(&self) -> Result<(Connection, bool), SendError> {
        match self.protocol {
            HttpProtocol::Http1 => {
                while let Some(mut kept) = self.take_idle() {
                    let ready = kept.is_ready().await;
                    if ready {
                        self.keeps.store(true, Ordering::Relaxed);
                        self.found.0.fetch_add(1, Ordering::Relaxed);
                    } else if kept.kept_at.is_some_and(|at| at.elapsed() < IDLE) {
                        self.found.1.fetch_add(1, Ordering::Relaxed);
                    }
                    if ready {
                        tracing::debug!("a kept connection is used again");
                        return Ok((Connection::Http1(kept), true));
                    }
                }
                self.fresh().await.map(|connection| (connection, false))
            }
            HttpProtocol::Http2 if self.reuse => {
                let mut shared = self.shared.lock().await;
                if let Some(sender) = shared.as_ref().filter(|sender| !sender.is_closed()) {
                    tracing::debug!("the shared connection is used again");
                    return Ok((Connection::Http2(sender.clone()), true));
                }
                let connection = self.fresh().await?;
                if let Connection::Http2(sender) = &connection {
                    *shared = Some(sender.clone());
                }
                Ok((connection, false))
            }
            HttpProtocol::Http2 => self.fresh().await.map(|connection| (connection, false)),
        }
    }

    /// Opens a new connection.
    pub async fn fresh(&self) -> Result<Connection, SendError> {
        // Boxed, since the future of a handshake is large and would be part of that of every run.
        let stream = Box::pin(connecting(&self.connector, self.connector.connect()));
        let stream = stream.await.map_err(SendError::Connect)?;
        match self.protocol {
            HttpProtocol::Http1 => {
                let (sender, driver) = http1::handshake(stream).await.map_err(SendError::Http)?;
                Ok(Connection::Http1(Box::new(Http1 {
                    sender,
                    driver: Some(driver),
                    kept_at: None,
                })))
            }
            HttpProtocol::Http2 => {
                let mut builder = http2::Builder::new(TokioExecutor::new());
                builder.timer(TokioTimer::new());
                let (sender, driver) = builder.handshake(stream).await.map_err(SendError::Http)?;
                // Shared by many runs, so it has a task of its own, which ends with the last sender.
                tokio::spawn(async move {
                    let _ = driver.await;
                });
                Ok(Connection::Http2(sender))
            }
        }
    }

    fn take_idle(&self) -> Option<Box<Http1>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.keeps.load(Ordering::Relaxed) {
            idle.pop_if(|witness| witness.was_idle_for(PROOF))
        } else if idle.last().is_some_and(|last| last.was_idle_for(TOO_LONG)) {
            // The others have been idle for even longer.
            idle.clear();
            None
        } else {
            idle.pop()
        }
    }

    /// Returns true if the server closes after each answer without notice. Sooner or later it would do so
    /// under a request.
    fn closes_always(&self) -> bool {
        const OFTEN: u32 = 3;
        let closed = self.found.1.load(Ordering::Relaxed);
        closed >= OFTEN && closed > self.found.0.load(Ordering::Relaxed)
    }

    /// Returns a connection to the pool once its answer has been read to the end.
    fn keep(&self, mut connection: Box<Http1>) {
        if self.reuse && !self.closes_always() && connection.driver.is_some() {
            connection.kept_at = Some(Instant::now());
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            // One is enough to see what the server does with it.
            if self.keeps.load(Ordering::Relaxed) || idle.is_empty() {
                idle.push(connection);
            }
        }
    }
}

impl Connection {
    /// Sends a request and waits for the head of its answer.
    pub async fn send(mut self, request: OutgoingRequest) -> Result<IncomingAnswer, hyper::Error> {
        let response = match &mut self {
            Self::Http2(sender) => sender.send_request(request).await?,
            Self::Http1(connection) => {
                let mut response = pin!(connection.sender.send_request(request));
                let driver = &mut connection.driver;
                poll_fn(|cx| {
                    drive(driver, cx);
                    response.as_mut().poll(cx)
                })
                .await?
            }
        };
        Ok(IncomingAnswer { response, connection: Some(self), trail: Trail::default() })
    }
}

/// Answer whose head has arrived.
pub(super) struct IncomingAnswer {
    response: Response<Incoming>,
    connection: Option<Connection>,
    /// Log trail of the request; ends with the answer.
    pub(super) trail: Trail,
}

impl IncomingAnswer {
    pub fn head(&self) -> &Response<Incoming> {
        &self.response
    }

    /// Returns the next piece of the body; `None` at its end, when the connection becomes free again.
    pub async fn chunk(&mut self, home: &Connections) -> Result<Option<Bytes>, SendError> {
        loop {
            // One read of a connection may bring a million pieces. Whoever takes them all at a stretch lets no timeout
            // and no signal through.
            tokio::task::coop::consume_budget().await;
            let body = self.response.body_mut();
            let connection = &mut self.connection;
            let frame = poll_fn(|cx| {
                if let Some(Connection::Http1(connection)) = connection {
                    connection.drive(cx);
                }
                Pin::new(&mut *body).poll_frame(cx)
            })
            .await;
            let Some(frame) = frame else {
                // hyper takes a reset without an error for the end.
                let shared = matches!(self.connection, Some(Connection::Http2(_)));
                if shared && !self.response.body().is_end_stream() {
                    return Err(SendError::CutOff);
                }
                if let Some(Connection::Http1(connection)) = self.connection.take() {
                    home.keep(connection);
                }
                return Ok(None);
            };
            // Anything that is not data is a trailer, which carries nothing that is measured.
            if let Ok(data) = frame.map_err(SendError::Http)?.into_data() {
                self.trail.piece(data.len());
                return Ok(Some(data));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Vault;
    use crate::redact::Redactor;
    use crate::workflow::ConnectionSpec;
    use std::path::Path;
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// All pieces lie in one buffer.
    #[tokio::test]
    async fn pieces_without_end_let_others_have_their_turns() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let stream: Stream = hyper_util::rt::TokioIo::new(Box::new(ours));
        let (sender, driver) = http1::handshake(stream).await.unwrap();
        let connection =
            Connection::Http1(Box::new(Http1 { sender, driver: Some(driver), kept_at: None }));
        let serve = async {
            assert!(theirs.read(&mut [0; 1024]).await.unwrap() > 0);
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            let answer = format!("{head}{}0\r\n\r\n", "1\r\n\n\r\n".repeat(10_000));
            theirs.write_all(answer.as_bytes()).await.unwrap();
        };
        let request = Request::new(Full::new(Bytes::new()));
        let (answering, ()) = tokio::join!(connection.send(request), serve);
        let mut answering = answering.unwrap();
        let turns = Arc::<AtomicU32>::default();
        let counted = Arc::clone(&turns);
        let other = tokio::spawn(async move {
            loop {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        let (nowhere, redactor) =
            (hyper::Uri::from_static("http://localhost"), Redactor::default());
        let vault = Vault::new(&|_| None, &redactor);
        let connector =
            Connector::new(&nowhere, &ConnectionSpec::default(), Path::new("."), &vault).unwrap();
        let home = Connections::new(connector, HttpProtocol::Http1, false);
        let mut pieces = 0;
        while answering.chunk(&home).await.unwrap().is_some() {
            pieces += 1;
        }
        other.abort();
        assert_eq!(pieces, 10_000);
        assert!(turns.load(Ordering::Relaxed) > 10, "{turns:?}");
    }

    /// The server closes a kept connection between the check and the request.
    #[tokio::test]
    async fn a_connection_that_closes_under_a_request_ends_it() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let stream: Stream = hyper_util::rt::TokioIo::new(Box::new(ours));
        let (sender, driver) = http1::handshake(stream).await.unwrap();
        let connection =
            Connection::Http1(Box::new(Http1 { sender, driver: Some(driver), kept_at: None }));
        let request = || Request::new(Full::new(Bytes::from_static(b"{}")));
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        let serve = async {
            assert!(theirs.read(&mut [0; 1024]).await.unwrap() > 0);
            theirs.write_all(answer).await.unwrap();
        };
        let (answering, ()) = tokio::join!(connection.send(request()), serve);
        let mut answering = answering.unwrap();
        let body = answering.response.body_mut();
        let Some(Connection::Http1(mut kept)) = answering.connection.take() else { panic!() };
        while poll_fn(|cx| {
            kept.drive(cx);
            Pin::new(&mut *body).poll_frame(cx)
        })
        .await
        .is_some()
        {}
        assert!(kept.is_ready().await);
        drop(theirs);
        let sent = Connection::Http1(kept).send(request());
        let result = tokio::time::timeout(Duration::from_secs(5), sent).await;
        assert!(result.expect("it waits for ever").is_err());
    }
}
