//! Faults on request: which one a request meets, and what it does to an answer.

use super::driver::Driver;
use crate::spec::workflow::{Fault, FaultKind};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

/// A piece of an answer's body; an error breaks the connection.
pub(super) type Piece = Result<Bytes, std::io::Error>;

/// The fault that a request meets while `in_flight` requests are, itself included.
pub(super) fn meet(faults: &[Fault], in_flight: usize, driver: &Driver) -> Option<FaultKind> {
    let due = |fault: &&Fault| in_flight > fault.above as usize;
    let struck = |fault: &&Fault| fault.share >= 1.0 || driver.chance() < fault.share;
    faults.iter().filter(due).find(struck).map(|fault| fault.kind)
}

/// The answer of a fault that needs no body of the real one.
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

/// Does to a body what the fault says, after its first piece. `error` is how the protocol reports
/// that a workflow failed.
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
