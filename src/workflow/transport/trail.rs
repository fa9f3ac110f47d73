//! Log lines of a request: its start, response, and end.

use super::connect::{Connector, Stream};
use crate::measure::Failure;
use hyper::{Method, StatusCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tracing::{Level, debug, enabled, trace};

/// Counter of the requests of this process, which identifies the lines of one request.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Log trail of a request, written until it is dropped. Empty if logging is off.
#[derive(Default)]
pub(super) struct Trail(Option<Box<Request>>);

struct Request {
    number: u64,
    began: Instant,
    status: Option<StatusCode>,
    bytes: usize,
}

impl Trail {
    /// Begins a trail. The destination is computed only if it is logged.
    pub fn begin(method: &Method, to: impl FnOnce() -> String) -> Self {
        if !enabled!(Level::DEBUG) {
            return Self::default();
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        debug!("request {number}: {method} {}", to());
        Self(Some(Box::new(Request { number, began: Instant::now(), status: None, bytes: 0 })))
    }

    /// Logs the head of the answer.
    pub fn head(&mut self, status: StatusCode) {
        if let Some(request) = &mut self.0 {
            request.status = Some(status);
            debug!("request {}: {status} after {:?}", request.number, request.began.elapsed());
        }
    }

    /// Logs a piece of the body.
    pub fn piece(&mut self, bytes: usize) {
        if let Some(request) = &mut self.0 {
            let (number, after) = (request.number, request.began.elapsed());
            if request.bytes == 0 {
                debug!("request {number}: first byte of the body after {after:?}");
            }
            request.bytes += bytes;
            trace!("request {number}: {bytes} bytes after {after:?}");
        }
    }

    /// Logs that the request is retried.
    pub fn again(&self, wait: Duration, why: &Failure) {
        if let Some(Request { number, .. }) = self.0.as_deref() {
            debug!("request {number}: tried again in {wait:?}: {why}");
        }
    }

    /// Logs that the request failed.
    pub fn failed(&self, failure: &Failure) {
        if let Some(Request { number, began, .. }) = self.0.as_deref() {
            debug!("request {number}: failed after {:?}: {failure}", began.elapsed());
        }
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        if let Some(Request { number, began, status, bytes }) = self.0.as_deref() {
            let status = status.map_or("no answer".to_owned(), |status| status.to_string());
            debug!("request {number}: over after {:?}: {status}, {bytes} bytes", began.elapsed());
        }
    }
}

/// Logs the making of a connection.
pub(super) async fn connecting<E: std::fmt::Display>(
    connector: &Connector,
    made: impl Future<Output = Result<Stream, E>>,
) -> Result<Stream, E> {
    if !enabled!(Level::DEBUG) {
        return made.await;
    }
    let (way, began) = (connector.way(), Instant::now());
    debug!("connecting to {way}");
    let made = made.await;
    match &made {
        Ok(_) => debug!("connected to {way} after {:?}", began.elapsed()),
        Err(error) => debug!("no connection to {way} after {:?}: {error}", began.elapsed()),
    }
    made
}
