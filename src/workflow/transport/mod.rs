//! What the HTTP workflows share: one server with everything a request to it needs, and one
//! failure for each thing that goes wrong.
//!
//! Requests go through `hyper` itself: a load generator must not cost more than what it measures,
//! and has to see each piece of an answer when it arrives.

mod connect;
mod connection;
mod failure;
mod passing;
mod reading;
mod record;
mod tls;
mod trail;

pub(super) use passing::Passing;
pub(super) use reading::Progress;
pub(super) use record::{Answer, Notes};

use super::ConnectError;
use super::redacted;
use crate::measure::{Failure, FailureKind};
use crate::redact::{Redactor, names_a_secret, redact};
use crate::spec::workflow::{ConnectionSpec, Headers, HttpProtocol};
use crate::spec::{Address, Seconds, Secret, Vault};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use connect::Connector;
use connection::{Answering, Connection, Connections, Outgoing, SendError};
use http_body_util::Full;
use hyper::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderMap,
    HeaderName, HeaderValue, LOCATION, PROXY_AUTHORIZATION, RETRY_AFTER, TRANSFER_ENCODING,
    USER_AGENT,
};
use hyper::{Method, Request, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use reqwest::Url;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use trail::Trail;

/// How much of an error's body is quoted.
const QUOTED_BODY: usize = 300;
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections made to see whether a server is there that breaks them off, and the time between them.
const CHECK_TRIES: usize = 6;
const CHECK_PAUSE: Duration = Duration::from_millis(100);
/// No server is waited for longer than this before a request is tried again.
const LONGEST_BACKOFF: Duration = Duration::from_mins(1);

/// A server to ask, with everything a request to it needs.
pub(super) struct Endpoint {
    connections: Arc<Connections>,
    base: Url,
    headers: HeaderMap,
    redactor: Redactor,
    timeout: Duration,
    first_byte_timeout: Option<Duration>,
    retries: u32,
    backoff: Duration,
}

/// What a spec says about reaching a server.
pub(super) struct Access<'a> {
    pub address: &'a Address,
    pub api_key: Option<&'a Secret>,
    pub headers: &'a Headers,
    pub timeout: Seconds,
    pub connection: &'a ConnectionSpec,
    /// The folder that relative paths are relative to.
    pub base_dir: &'a Path,
}

/// Where a request goes, ready to be sent: the form depends on who is asked.
#[derive(Clone, Debug)]
pub(super) struct Target(Uri);

impl Target {
    fn path(&self) -> &str {
        self.0.path()
    }
}

/// The head of an answer that is a success, or of any that the caller wants to judge.
pub(super) struct Posted<'a> {
    answering: Answering,
    endpoint: &'a Endpoint,
}

impl Endpoint {
    pub fn new(access: &Access<'_>, vault: &Vault<'_>) -> Result<Self, ConnectError> {
        let Access { address, api_key, headers, timeout, connection, base_dir } = access;
        let redactor = vault.redactor().clone();
        let mut base = address.reveal(vault)?;
        let wrong =
            || ConnectError::Client(format!("`{}` is not an address", redact(address.public())));
        let uri: Uri = origin(&base).parse().map_err(|_| wrong())?;
        let mut map = HeaderMap::new();
        map.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("sizer/", env!("CARGO_PKG_VERSION"))),
        );
        // An answer that comes compressed comes in other pieces than the server made.
        map.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(authority) = uri.authority() {
            map.insert(HOST, plain("host", authority.as_str())?);
        }
        if !base.username().is_empty() || base.password().is_some() {
            let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
            let (user, password) =
                (decoded(base.username()), decoded(base.password().unwrap_or("")));
            let basic = BASE64_STANDARD.encode(format!("{user}:{password}"));
            map.insert(AUTHORIZATION, sensitive("base_url", &format!("Basic {basic}"))?);
            redactor.add_pair(&user, &password);
            let _ = (base.set_username(""), base.set_password(None));
        }
        let referred = base.query_pairs().filter(|(_, it)| !address.public().contains(it.as_ref()));
        referred.for_each(|(_, value)| redactor.add(&value));
        if let Some(key) = api_key {
            let key = key.reveal(vault)?;
            map.insert(AUTHORIZATION, sensitive("api_key", &format!("Bearer {key}"))?);
            redactor.add(&key);
        }
        for (name, value) in *headers {
            let parsed = HeaderName::try_from(name.as_str());
            let parsed = parsed
                .map_err(|_| ConnectError::Client(format!("`{name}` is not a header name")))?;
            let revealed = value.reveal(vault)?;
            map.insert(parsed, sensitive(name, &revealed)?);
            if value.is_reference() && names_a_secret(name) {
                redactor.learn(&revealed);
            }
        }
        let connector = Connector::new(&uri, connection, base_dir, vault)?;
        if let Some(auth) = connector.proxy_authorization() {
            map.insert(PROXY_AUTHORIZATION, auth.clone());
        }
        if connection.protocol == HttpProtocol::Http1 && !connection.reuse {
            map.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(Self {
            connections: Arc::new(Connections::new(
                connector,
                connection.protocol,
                connection.reuse,
            )),
            base,
            headers: map,
            redactor,
            timeout: timeout.to_std(),
            first_byte_timeout: connection.first_byte_timeout.map(Seconds::to_std),
            retries: connection.retries,
            backoff: connection.backoff.to_std(),
        })
    }

    /// The target below the base address, whose query it keeps.
    pub fn target(&self, below: &str) -> Result<Target, ConnectError> {
        let query = self.base.query().map_or_else(String::new, |query| format!("?{query}"));
        self.exact_target(&format!("{}{below}{query}", self.base.path().trim_end_matches('/')))
    }

    /// The target of a whole path and query.
    pub fn exact_target(&self, path_and_query: &str) -> Result<Target, ConnectError> {
        let whole = match self.connections.protocol() {
            HttpProtocol::Http1 if !self.connections.connector().asks_a_proxy() => {
                path_and_query.to_owned()
            }
            _ => format!("{}{path_and_query}", origin(&self.base).trim_end_matches('/')),
        };
        let uri = whole.parse().map_err(|_| {
            ConnectError::Client(format!("`{}` is not a path", redact(path_and_query)))
        })?;
        Ok(Target(uri))
    }

    /// Whether the server can be reached: any answer at all will do. The system accepts connections for
    /// a server that is just going down, so one that breaks off says nothing until it is tried again.
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

    fn request(
        &self,
        method: &Method,
        target: &Target,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Outgoing {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method.clone();
        *request.uri_mut() = target.0.clone();
        let all = request.headers_mut();
        all.clone_from(&self.headers);
        // HTTP/2 has a field of its own for it.
        if self.connections.protocol() == HttpProtocol::Http2 {
            all.remove(HOST);
        }
        for (name, value) in headers {
            all.insert(name.clone(), value.clone());
        }
        request
    }

    /// Sends a request and waits for the head of its answer, trying again as often as the spec
    /// allows. The answer may have any status.
    pub async fn send(
        &self,
        method: &Method,
        target: &Target,
        headers: &HeaderMap,
        body: Bytes,
        notes: &Notes,
    ) -> Result<Posted<'_>, Failure> {
        let mut pause = self.backoff;
        let mut trail = Trail::begin(self, method, target);
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
                        return Ok(Posted { answering, endpoint: self });
                    }
                    let wait = retry_after(answering.head().headers()).unwrap_or(pause);
                    // Read to its end, so that the connection can be used again.
                    let failure = Posted { answering, endpoint: self }.as_failure().await;
                    trail.again(wait.min(LONGEST_BACKOFF), &failure);
                    wait
                }
                Err(failure) if last || failure.kind != FailureKind::Connect => {
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
        // As many tries as there are numbers.
        Err(Failure::new(FailureKind::Connect, "tried too often"))
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

    /// Some servers promise to keep a connection and then close it. A request that meets such a
    /// connection, and that the server cannot have read, is sent again, once, on a new one; the time
    /// that this takes is part of the run, and its record says that it happened.
    async fn once(
        &self,
        request: &impl Fn() -> Outgoing,
        notes: &Notes,
    ) -> Result<Answering, SendError> {
        let (connection, kept) = self.connections.get().await?;
        let sent = connection.send(request()).await;
        let unread = match &sent {
            Err(error) => failure::was_not_read(error),
            // So a server ends a connection that was idle for too long.
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

    /// The server's host and port.
    fn at(&self) -> String {
        let host = self.base.host_str().unwrap_or("?");
        self.base
            .port_or_known_default()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    fn failure(&self, error: &SendError) -> Failure {
        let at = self.at();
        redacted::failure(&self.redactor, failure::of(error, &at))
    }

    /// Knows the secrets that open the server.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }
}

impl Posted<'_> {
    pub fn status(&self) -> StatusCode {
        self.answering.head().status()
    }

    /// Whether the server says that it sends an event stream.
    pub fn is_event_stream(&self) -> bool {
        let kind = self.answering.head().headers().get(CONTENT_TYPE);
        kind.is_some_and(|it| it.as_bytes().to_ascii_lowercase().starts_with(b"text/event-stream"))
    }

    /// Any status but success is a failure that quotes the answer, and so is an answer in a code.
    pub async fn success(mut self) -> Result<Self, Failure> {
        if !self.status().is_success() {
            return Err(self.as_failure().await);
        }
        self.is_plain()?;
        Ok(self)
    }

    /// The header that says that the body is in a code, where it is.
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

    /// Fails where the body is compressed, which no request asks for.
    pub fn is_plain(&self) -> Result<(), Failure> {
        let codes = self.codes();
        match codes {
            None => Ok(()),
            Some(codes) => {
                let message = format!(
                    "the answer is compressed ({codes}), though `accept-encoding: identity` was \
                     sent: switch compression off at the server or the proxy before it"
                );
                let failure = Failure::new(FailureKind::Malformed, message);
                Err(redacted::failure(&self.endpoint.redactor, failure))
            }
        }
    }

    /// The answer as a failure, with the beginning of its body.
    pub async fn as_failure(&mut self) -> Failure {
        let head = self.answering.head();
        let status = head.status();
        let retry_after = head.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after =
            retry_after.map_or_else(String::new, |it| format!(" (Retry-After: {it})"));
        let location = head.headers().get(LOCATION).filter(|_| status.is_redirection());
        let location = location.map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned());
        let location = location.map_or_else(String::new, |it| {
            // A query can be a signature.
            let place = redact(it.split_once(['?', '#']).map_or(&*it, |(place, _)| place));
            format!(" to {place} (location; redirects are not followed: put it into the address)")
        });
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = self.answering.chunk(&self.endpoint.connections).await {
            body.extend_from_slice(&chunk);
            if body.len() >= QUOTED_BODY {
                break;
            }
        }
        // Before it is cut, or a part of a secret would be left.
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

fn is_worth_another_try(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// How long the server asks to be left alone; dates are not understood.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Scheme, host and port.
fn origin(url: &Url) -> String {
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    // Without one it is no address of a server, and is refused as that.
    format!("{}://{}{port}/", url.scheme(), url.host_str().unwrap_or(""))
}

fn plain(name: &str, value: &str) -> Result<HeaderValue, ConnectError> {
    let wrong = |_| ConnectError::Client(format!("the value of {name} cannot be sent in a header"));
    HeaderValue::try_from(value).map_err(wrong)
}

fn sensitive(name: &str, value: &str) -> Result<HeaderValue, ConnectError> {
    let mut value = plain(name, value)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Server, and path with query.
pub(super) fn split_url(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(host..).and_then(|rest| rest.find(['/', '?'])).map(|at| host + at);
    match end {
        None => (url, "/"),
        Some(end) => url.split_at(end),
    }
}
