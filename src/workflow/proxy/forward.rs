//! Forwarding of requests to a server, and of its answers back, unchanged and as they arrive.

use super::open_runs::OpenRun;
use super::shared::{SharedState, Upstream};
use super::watched_call::WatchedCall;
use crate::redact::names_a_secret;
use crate::workflow::budget::BudgetShare;
use crate::workflow::transport::PassedAnswer;
use bytes::{Bytes, BytesMut};
use futures_util::future::FutureExt;
use futures_util::stream::{self, BoxStream, StreamExt};
use http_body_util::{BodyExt, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap,
    HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use hyper::{Request, Response, StatusCode};
use serde_json::json;
use std::io;
use std::sync::Arc;

/// Maximum size of a request in bytes.
const LARGEST_REQUEST: usize = 64 << 20;
/// Headers that concern a single connection only.
const HOP_BY_HOP: [HeaderName; 7] =
    [CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// Response to the workflow.
pub(super) type Answer = Response<StreamBody<BoxStream<'static, io::Result<Frame<Bytes>>>>>;

/// Builds an error response of the proxy itself.
pub(super) fn refusal(status: StatusCode, message: &str) -> Answer {
    let body = json!({ "error": { "message": format!("sizer's proxy: {message}") } }).to_string();
    let length = HeaderValue::from(body.len());
    let mut answer = whole(Bytes::from(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, length);
    // Whatever follows on this connection cannot be trusted either.
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn whole(body: Bytes) -> Answer {
    Response::new(StreamBody::new(stream::iter([Ok(Frame::data(body))]).boxed()))
}

/// Reads the body of a request, within the budget for all bodies.
async fn whole_body(body: Incoming) -> Result<(Bytes, BudgetShare), String> {
    let mut body = Limited::new(body, LARGEST_REQUEST);
    let (mut whole, mut held) = (BytesMut::new(), BudgetShare::default());
    while let Some(frame) = body.frame().await {
        // The pieces of one read may be many.
        tokio::task::coop::consume_budget().await;
        let frame =
            frame.map_err(|_| "the request was cut off, or is larger than 64 MiB".to_owned())?;
        let Ok(piece) = frame.into_data() else { continue };
        held.more(piece.len()).map_err(|failure| failure.message)?;
        whole.extend_from_slice(&piece);
    }
    Ok((whole.freeze(), held))
}

/// Forwards a request and records its answer as one LLM call of the run.
pub(super) async fn forward(
    shared: &Arc<SharedState>,
    run: Arc<OpenRun>,
    upstream: &Upstream,
    rest: &str,
    request: Request<Incoming>,
) -> Answer {
    let (head, body) = request.into_parts();
    let (body, held) = match whole_body(body).await {
        Ok(whole) => whole,
        Err(message) => return refusal(StatusCode::PAYLOAD_TOO_LARGE, &message),
    };
    // A client that is slow to send its request does not make the server slow.
    let start = run.clock.now();
    let Ok(target) = upstream.endpoint.exact_target(rest) else {
        return refusal(StatusCode::BAD_REQUEST, "this is not a path");
    };
    let mut headers = end_to_end(&head.headers);
    // Keys that the workflow got from elsewhere may come back in an answer like any other.
    for (name, value) in &headers {
        if names_a_secret(name.as_str())
            && let Ok(value) = value.to_str()
        {
            shared.redactor.learn(value);
        }
    }
    // Set anew for the server. A compressed answer would hide its tokens.
    for name in [HOST, CONTENT_LENGTH, ACCEPT_ENCODING] {
        headers.remove(name);
    }
    if upstream.has_key {
        headers.remove(AUTHORIZATION);
    }
    let watch = WatchedCall::begin(
        Arc::clone(shared),
        run,
        upstream,
        (&head.method, rest),
        body.clone(),
        held,
        start,
    );
    let passing = upstream.endpoint.pass(&head.method, &target, &headers, body).await;
    match passing {
        Ok(passing) => answer(passing, watch),
        // Dropping the watch marks the call as failed.
        Err(failure) => refusal(StatusCode::BAD_GATEWAY, &failure.to_string()),
    }
}

fn answer(passing: PassedAnswer, mut watch: WatchedCall) -> Answer {
    let head = passing.head();
    watch.head(head);
    let (status, headers) = (head.status(), end_to_end(head.headers()));
    let pieces = stream::unfold(Some((passing, watch)), |state| async move {
        let (mut passing, mut watch) = state?;
        match passing.chunk().await {
            Ok(Some(chunk)) => {
                watch.piece(&chunk);
                let next = if passing.is_over() {
                    watch.complete();
                    // Polled once more, so that the connection becomes free for reuse: once everything
                    // announced has arrived, the client does not ask again.
                    let _ = passing.chunk().now_or_never();
                    None
                } else {
                    Some((passing, watch))
                };
                Some((Ok(Frame::data(chunk)), next))
            }
            Ok(None) => {
                watch.complete();
                None
            }
            // The workflow sees a broken connection, as it would without the proxy.
            Err(failure) => Some((Err(io::Error::other(failure.to_string())), None)),
        }
    });
    let mut answer = Response::new(StreamBody::new(pieces.boxed()));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}

/// Removes the headers that concern a single connection only.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    let named = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    for name in named.flat_map(|value| value.split(',')) {
        // The `connection` header may name any header, but the framing must stay intact.
        if let Ok(name) = HeaderName::try_from(name.trim())
            && name != CONTENT_LENGTH
        {
            kept.remove(name);
        }
    }
    for name in HOP_BY_HOP {
        kept.remove(name);
    }
    kept.remove("keep-alive");
    kept
}
