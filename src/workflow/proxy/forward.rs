//! Passing requests on to a server, and its answers back, untouched and as they come.

use super::open_runs::OpenRun;
use super::shared::{Shared, Upstream};
use super::watch::Watch;
use crate::redact::names_a_secret;
use crate::workflow::budget::Held;
use crate::workflow::transport::Passing;
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

/// A prompt is no longer.
const LARGEST_REQUEST: usize = 64 << 20;
/// Headers between two ends of a connection, which say nothing beyond them.
const HOP_BY_HOP: [HeaderName; 7] =
    [CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// What the workflow gets.
pub(super) type Answer = Response<StreamBody<BoxStream<'static, io::Result<Frame<Bytes>>>>>;

/// An answer of the proxy's own.
pub(super) fn refusal(status: StatusCode, message: &str) -> Answer {
    let body = json!({ "error": { "message": format!("sizer's proxy: {message}") } }).to_string();
    let length = HeaderValue::from(body.len());
    let mut answer = whole(Bytes::from(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, length);
    // Whatever follows on this connection is not to be trusted either.
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn whole(body: Bytes) -> Answer {
    Response::new(StreamBody::new(stream::iter([Ok(Frame::data(body))]).boxed()))
}

/// A request's body, and its share of what all bodies may take.
async fn whole_body(body: Incoming) -> Result<(Bytes, Held), String> {
    let mut body = Limited::new(body, LARGEST_REQUEST);
    let (mut whole, mut held) = (BytesMut::new(), Held::default());
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|_| "the request broke off, or is larger than 64 MiB".to_owned())?;
        let Ok(piece) = frame.into_data() else { continue };
        held.more(piece.len()).map_err(|failure| failure.message)?;
        whole.extend_from_slice(&piece);
    }
    Ok((whole.freeze(), held))
}

/// Passes a request on; what comes back is one LLM call of the run.
pub(super) async fn forward(
    shared: &Arc<Shared>,
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
    // A client that dawdles over its request is not a slow server.
    let start = run.clock.now();
    let Ok(target) = upstream.endpoint.exact_target(rest) else {
        return refusal(StatusCode::BAD_REQUEST, "this is not a path");
    };
    let mut headers = end_to_end(&head.headers);
    // Keys that the workflow has from elsewhere come back like any other.
    for (name, value) in &headers {
        if names_a_secret(name.as_str())
            && let Ok(value) = value.to_str()
        {
            shared.redactor.learn(value);
        }
    }
    // The answer's own length and encoding are needed to see its tokens.
    for name in [HOST, CONTENT_LENGTH, ACCEPT_ENCODING] {
        headers.remove(name);
    }
    if upstream.has_key {
        headers.remove(AUTHORIZATION);
    }
    let watch = Watch::begin(
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
        // The watch is dropped: the call has failed.
        Err(failure) => refusal(StatusCode::BAD_GATEWAY, &failure.to_string()),
    }
}

fn answer(passing: Passing, mut watch: Watch) -> Answer {
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
                    // Read to its end, so that the connection can be used again; nobody asks for
                    // more once all that was announced is there.
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
            // The workflow sees a connection that breaks, as it would without the proxy.
            Err(failure) => Some((Err(io::Error::other(failure.to_string())), None)),
        }
    });
    let mut answer = Response::new(StreamBody::new(pieces.boxed()));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}

/// The headers without those that concern one connection alone.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    let named = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    for name in named.flat_map(|value| value.split(',')) {
        // What is asked for between two ends can be anything but the framing itself.
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
