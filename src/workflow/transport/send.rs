//! Sending of requests: retried if the server cannot have read them, and as often as the spec allows.

use super::connection::{Connection, IncomingAnswer, OutgoingRequest, SendError};
use super::endpoint::{Endpoint, Target};
use super::failure;
use super::posted_answer::PostedAnswer;
use super::record::Notes;
use super::trail::Trail;
use crate::measure::{Failure, FailureKind};
use bytes::Bytes;
use hyper::header::{HeaderMap, RETRY_AFTER};
use hyper::{Method, StatusCode};
use std::pin::pin;
use std::time::Duration;
use tokio::time::Instant;

const CHECK_TIMEOUT: Duration = Duration::from_secs(10);
/// Number of connections made to check a server that breaks them off, and the pause between them.
const CHECK_TRIES: usize = 6;
const CHECK_PAUSE: Duration = Duration::from_millis(100);
/// Upper bound of the wait before a retry.
const LONGEST_BACKOFF: Duration = Duration::from_mins(1);

impl Endpoint {
    /// Checks that the server can be reached; any answer will do. The system still accepts connections for a
    /// server that is shutting down, so a broken connection is only conclusive after several tries.
    pub async fn check(&self, target: &Target) -> Result<(), Failure> {
        let asked = async {
            for _ in 0..CHECK_TRIES {
                let request = self.request(&Method::GET, target, &HeaderMap::new(), Bytes::new());
                let connection = self.connections.fresh().await?;
                match connection.send(request).await.map_err(SendError::Http) {
                    Err(error) if failure::broke_off(&error) => {
                        tokio::time::sleep(CHECK_PAUSE).await;
                    }
                    _ => break,
                }
            }
            Ok(())
        };
        match tokio::time::timeout(CHECK_TIMEOUT, asked).await {
            Ok(Err(error @ SendError::Connect(_))) => Err(self.failure(&error)),
            _ => Ok(()),
        }
    }

    /// Sends a request and waits for the head of its answer, retrying as often as the spec allows. The answer
    /// may have any status.
    pub async fn send(
        &self,
        method: &Method,
        target: &Target,
        headers: &HeaderMap,
        body: Bytes,
        notes: &Notes,
    ) -> Result<PostedAnswer<'_>, Failure> {
        let (began, mut pause) = (Instant::now(), self.backoff);
        // A pause until after the run's timeout would hide why the server did not serve it.
        let is_in_vain =
            |wait: Duration| began.elapsed() + wait.min(LONGEST_BACKOFF) >= self.timeout;
        // The query may be a signature, so only the path is logged.
        let mut trail = Trail::begin(method, || format!("{}{}", self.at(), target.path()));
        for tries in 0.. {
            let request = || self.request(method, target, headers, body.clone());
            let once = pin!(self.once(&request, notes));
            let sent = self.within_first_byte(once).await;
            let last = tries >= self.retries;
            let wait = match sent {
                Ok(mut answering) => {
                    let status = answering.head().status();
                    notes.status(status);
                    trail.head(status);
                    if last || !is_worth_another_try(status) {
                        answering.trail = trail;
                        return Ok(PostedAnswer { answering, endpoint: self });
                    }
                    let wait = retry_after(answering.head().headers()).unwrap_or(pause);
                    // Read to its end, so that the connection can be reused.
                    let failure = PostedAnswer { answering, endpoint: self }.as_failure().await;
                    if is_in_vain(wait) {
                        trail.failed(&failure);
                        return Err(failure);
                    }
                    trail.again(wait.min(LONGEST_BACKOFF), &failure);
                    wait
                }
                Err(failure)
                    if last || failure.kind != FailureKind::Connect || is_in_vain(pause) =>
                {
                    trail.failed(&failure);
                    return Err(failure);
                }
                Err(failure) => {
                    trail.again(pause.min(LONGEST_BACKOFF), &failure);
                    pause
                }
            };
            notes.retried();
            tokio::time::sleep(wait.min(LONGEST_BACKOFF)).await;
            pause = pause.saturating_mul(2);
        }
        // Reached only after as many tries as there are numbers.
        Err(Failure::new(FailureKind::Connect, "too many attempts"))
    }

    async fn within_first_byte<T>(
        &self,
        sent: impl Future<Output = Result<T, SendError>>,
    ) -> Result<T, Failure> {
        let result = match self.first_byte_timeout {
            None => sent.await,
            Some(limit) => tokio::time::timeout(limit, sent).await.map_err(|_| {
                let message = format!("no answer had begun within {} s", limit.as_secs_f64());
                Failure::new(FailureKind::NoFirstByte, message)
            })?,
        };
        result.map_err(|error| self.failure(&error))
    }

    /// Sends a request once. Some servers promise to keep a connection and then close it. A request that
    /// meets such a connection, and that the server cannot have read, is sent once more on a new one. The
    /// time this takes is part of the run, and its record says that it happened.
    async fn once(
        &self,
        request: &impl Fn() -> OutgoingRequest,
        notes: &Notes,
    ) -> Result<IncomingAnswer, SendError> {
        let (connection, kept) = self.connections.get().await?;
        let sent = connection.send(request()).await;
        let unread = match &sent {
            Err(error) => failure::was_not_read(error),
            // This is how a server ends a connection that was idle for too long.
            Ok(answering) => answering.head().status() == StatusCode::REQUEST_TIMEOUT,
        };
        if kept && unread {
            notes.reconnected();
            tracing::debug!("the kept connection was closed: the request is sent on a new one");
            let connection: Connection = self.connections.fresh().await?;
            return connection.send(request()).await.map_err(SendError::Http);
        }
        sent.map_err(SendError::Http)
    }
}

fn is_worth_another_try(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// Parses how long the server asks clients to wait. Dates are not supported.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
