//! Head of an answer.

use super::connection::IncomingAnswer;
use super::endpoint::Endpoint;
use crate::measure::{Failure, FailureKind};
use crate::redact::redact;
use crate::workflow::redacted;
use hyper::StatusCode;
use hyper::header::{
    CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER, TRANSFER_ENCODING,
};

/// Number of characters quoted of an error's body.
const QUOTED_BODY: usize = 300;

/// Answer whose head has arrived: a success, or any status if the caller wants to judge it.
pub(in crate::workflow) struct PostedAnswer<'a> {
    pub(super) answering: IncomingAnswer,
    pub(super) endpoint: &'a Endpoint,
}

impl PostedAnswer<'_> {
    pub fn status(&self) -> StatusCode {
        self.answering.head().status()
    }

    /// Returns true if the server declares an event stream.
    pub fn is_event_stream(&self) -> bool {
        let kind = self.answering.head().headers().get(CONTENT_TYPE);
        kind.is_some_and(|it| it.as_bytes().to_ascii_lowercase().starts_with(b"text/event-stream"))
    }

    /// Fails unless the status is a success and the body is not compressed. The failure quotes the answer.
    pub async fn success(mut self) -> Result<Self, Failure> {
        if !self.status().is_success() {
            return Err(self.as_failure().await);
        }
        self.is_plain()?;
        Ok(self)
    }

    /// Returns the content or transfer codings of the body, if it has any.
    fn codes(&self) -> Option<String> {
        let headers = self.answering.head().headers();
        let is_plain = |code: &[u8]| {
            let code = code.trim_ascii();
            let plain: [&[u8]; 3] = [b"", b"identity", b"chunked"];
            plain.iter().any(|it| code.eq_ignore_ascii_case(it))
        };
        [CONTENT_ENCODING, TRANSFER_ENCODING].into_iter().find_map(|name| {
            let values = || headers.get_all(&name).iter().map(HeaderValue::as_bytes);
            if values().flat_map(|it| it.split(|byte| *byte == b',')).all(is_plain) {
                return None;
            }
            let values: Vec<_> = values().map(String::from_utf8_lossy).collect();
            Some(format!("{name}: {}", values.join(", ")))
        })
    }

    /// Fails if the body is compressed, which no request asks for.
    pub fn is_plain(&self) -> Result<(), Failure> {
        let codes = self.codes();
        match codes {
            None => Ok(()),
            Some(codes) => {
                let message = format!(
                    "the answer is compressed ({codes}), though `accept-encoding: identity` was sent: turn \
                     compression off at the server, or at the proxy in front of it"
                );
                let failure = Failure::new(FailureKind::Malformed, message);
                Err(redacted::failure(&self.endpoint.redactor, failure))
            }
        }
    }

    /// Converts the answer to a failure that quotes the beginning of its body.
    pub async fn as_failure(&mut self) -> Failure {
        let head = self.answering.head();
        let status = head.status();
        let retry_after = head.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after =
            retry_after.map_or_else(String::new, |it| format!(" (Retry-After: {it})"));
        let location = head.headers().get(LOCATION).filter(|_| status.is_redirection());
        let location = location.map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned());
        let location = location.map_or_else(String::new, |it| {
            // A query may be a signature.
            let place = redact(it.split_once(['?', '#']).map_or(&*it, |(place, _)| place));
            format!(" to {place} (location; redirects are not followed: use that address instead)")
        });
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = self.answering.chunk(&self.endpoint.connections).await {
            body.extend_from_slice(&chunk);
            if body.len() >= QUOTED_BODY {
                break;
            }
        }
        // Redacted before it is cut, or part of a secret might be left.
        let body = self.endpoint.redactor.bytes(&body);
        let mut body = body.split_whitespace().collect::<Vec<_>>().join(" ");
        body.truncate(body.floor_char_boundary(QUOTED_BODY));
        let body = match self.codes() {
            Some(codes) => format!(" (a compressed body, {codes})"),
            None if body.is_empty() => body,
            None => format!(": {body}"),
        };
        let kind = match status {
            StatusCode::TOO_MANY_REQUESTS => FailureKind::RateLimited,
            _ => FailureKind::HttpStatus,
        };
        let failure = Failure::new(kind, format!("{status}{location}{retry_after}{body}"));
        redacted::failure(&self.endpoint.redactor, failure)
    }
}
