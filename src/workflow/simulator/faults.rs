//! Faults on request: which requests they strike, and what they do to an answer.

use super::config::{Fault, FaultKind};
use super::driver::Driver;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

/// Piece of a response body; an error breaks the connection.
pub(super) type Piece = Result<Bytes, std::io::Error>;

/// Picks the fault for a request, given the number of requests in flight including this one.
pub(super) fn meet(faults: &[Fault], in_flight: usize, driver: &Driver) -> Option<FaultKind> {
    let due = |fault: &&Fault| in_flight > fault.above as usize;
    let struck = |fault: &&Fault| fault.share >= 1.0 || driver.chance() < fault.share;
    faults.iter().filter(due).find(struck).map(|fault| fault.kind)
}

/// Response of a fault that replaces the real one.
pub(super) fn refusal(fault: FaultKind) -> Option<Response> {
    let (status, message) = match fault {
        FaultKind::Http500 => (StatusCode::INTERNAL_SERVER_ERROR, "the simulator was told to fail"),
        FaultKind::Http429 => (StatusCode::TOO_MANY_REQUESTS, "the simulator was told to refuse"),
        FaultKind::Drop | FaultKind::Stall | FaultKind::Truncate | FaultKind::Error => return None,
    };
    let body = format!("{{\"error\":{{\"message\":\"{message}\"}}}}");
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    Some(response)
}

/// Applies a fault to a body after its first piece. `error` is the protocol's way to report a failed
/// workflow.
pub(super) fn spoil(
    fault: Option<FaultKind>,
    body: BoxStream<'static, Piece>,
    error: Bytes,
) -> BoxStream<'static, Piece> {
    let Some(fault) = fault else { return body };
    let head = body.take(1);
    match fault {
        FaultKind::Drop => {
            let broken = std::io::Error::other("the simulator was told to drop the connection");
            head.chain(stream::iter([Err(broken)])).boxed()
        }
        FaultKind::Stall => head.chain(stream::pending()).boxed(),
        FaultKind::Error => head.chain(stream::iter([Ok(error)])).boxed(),
        FaultKind::Truncate | FaultKind::Http500 | FaultKind::Http429 => head.boxed(),
    }
}
