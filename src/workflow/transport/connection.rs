//! Connections that speak HTTP, and those that are kept between two requests.
//!
//! An HTTP/1.1 connection is driven by the task of the run that uses it: what arrives is seen
//! without a detour through another task, and an idle connection costs nothing.

use super::connect::{Connector, NoConnection, Stream};
use super::trail::{Trail, connecting};
use crate::spec::workflow::HttpProtocol;
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

/// A connection that is closed later was closed because nobody used it.
const IDLE: Duration = Duration::from_secs(1);
/// A server that closes after each answer has closed within this; one that has not keeps its connections.
const PROOF: Duration = Duration::from_millis(100);
/// What was idle for longer may be closed by whatever stands in between, which is told only by a reset under
/// the next request.
const TOO_LONG: Duration = Duration::from_secs(45);

/// A request as it is sent.
pub(super) type Outgoing = Request<Full<Bytes>>;

/// Makes connections and keeps them.
pub(super) struct Connections {
    connector: Connector,
    protocol: HttpProtocol,
    reuse: bool,
    // Boxed: a connection is large, and moves at every request.
    #[expect(clippy::vec_box, reason = "moved in and out all the time")]
    idle: Mutex<Vec<Box<Http1>>>,
    /// Whether the server was seen to keep a connection. Until then none is used again right after its answer:
    /// a request that meets the close may have been read, and cannot be sent a second time.
    keeps: AtomicBool,
    shared: tokio::sync::Mutex<Option<http2::SendRequest<Full<Bytes>>>>,
    /// How often a kept connection was found open when it was wanted again, and closed soon after its answer.
    found: (AtomicU32, AtomicU32),
    /// Bodies that did not end when their answers were over, and are not told of yet.
    late: AtomicU32,
}

/// An HTTP/1.1 connection that is driven by whoever holds it.
pub(super) struct Http1 {
    sender: http1::SendRequest<Full<Bytes>>,
    /// Gone once the connection has ended: a request that it had not sent yet hears of that only
    /// when the driver is dropped.
    driver: Option<http1::Connection<Stream, Full<Bytes>>>,
    /// When its last answer was over.
    kept_at: Option<Instant>,
}

/// Something that a request can be sent on.
pub(super) enum Connection {
    Http1(Box<Http1>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// Why a request had no answer.
#[derive(Debug)]
pub(super) enum SendError {
    Connect(NoConnection),
    Http(hyper::Error),
}

impl Http1 {
    fn was_idle_for(&self, least: Duration) -> bool {
        self.kept_at.is_some_and(|at| at.elapsed() >= least)
    }

    /// Moves the connection on; whether it has ended.
    fn drive(&mut self, cx: &mut Context<'_>) -> bool {
        drive(&mut self.driver, cx)
    }

    /// Whether another request can be sent: the last one is over and the server still listens.
    async fn is_ready(&mut self) -> bool {
        poll_fn(|cx| {
            if self.drive(cx) {
                return Poll::Ready(false);
            }
            match self.sender.poll_ready(cx) {
                Poll::Ready(result) => Poll::Ready(result.is_ok()),
                // The rest of the last answer is still on its way: not worth waiting for.
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

    /// Notes a body that did not end when its answer was over.
    pub fn noted_late(&self) {
        self.late.fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were since this was last asked.
    pub fn take_late(&self) -> u32 {
        self.late.swap(0, Ordering::Relaxed)
    }

    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    pub fn protocol(&self) -> HttpProtocol {
        self.protocol
    }

    /// A connection, and whether it was used before.
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

    /// A new connection.
    pub async fn fresh(&self) -> Result<Connection, SendError> {
        // Boxed: a handshake's future is large, and would make that of every run as large.
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
                // Many runs share it, so it has a task of its own; it ends with the last sender.
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
            // The others were idle for longer still.
            idle.clear();
            None
        } else {
            idle.pop()
        }
    }

    /// Whether the server closes after each answer without a word: sooner or later it would do so under
    /// a request.
    fn closes_always(&self) -> bool {
        const OFTEN: u32 = 3;
        let closed = self.found.1.load(Ordering::Relaxed);
        closed >= OFTEN && closed > self.found.0.load(Ordering::Relaxed)
    }

    /// Keeps a connection whose answer has been read to its end.
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
    pub async fn send(mut self, request: Outgoing) -> Result<Answering, hyper::Error> {
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
        Ok(Answering { response, connection: Some(self), trail: Trail::default() })
    }
}

/// An answer whose head is there.
pub(super) struct Answering {
    response: Response<Incoming>,
    connection: Option<Connection>,
    /// What the log tells of it; ends with it.
    pub(super) trail: Trail,
}

impl Answering {
    pub fn head(&self) -> &Response<Incoming> {
        &self.response
    }

    /// The next piece of the body; `None` at its end, when the connection is free again.
    pub async fn chunk(&mut self, home: &Connections) -> Result<Option<Bytes>, hyper::Error> {
        loop {
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
                if let Some(Connection::Http1(connection)) = self.connection.take() {
                    home.keep(connection);
                }
                return Ok(None);
            };
            // What is no data are trailers, which carry nothing that is measured.
            if let Ok(data) = frame?.into_data() {
                self.trail.piece(data.len());
                return Ok(Some(data));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// The server closes a kept connection between the look at it and the request.
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
