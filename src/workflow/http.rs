//! What the HTTP workflows share: one client, and one failure for each thing that goes wrong.

use super::{Clock, ConnectError};
use crate::measure::{Failure, FailureKind, Item, LlmCall, Outcome, Phase, Run};
use crate::spec::workflow::Headers;
use crate::spec::{Address, Env, Secret, redact};
use bytes::Bytes;
use reqwest::header::{
    AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use reqwest::{Client, Response, StatusCode, Url};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A body larger than this is no answer.
const LARGEST_BODY: usize = 256 << 20;
/// How much of an error's body is quoted.
const QUOTED_BODY: usize = 300;
/// A closed connection shows within a round trip; a request that fails later was being worked on.
const CLOSED_CONNECTION_SHOWS: Duration = Duration::from_millis(250);
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// A server to ask, with everything a request to it needs.
pub(super) struct Endpoint {
    /// Keeps connections and uses them again.
    pooled: Client,
    /// Makes a connection for each request.
    fresh: Client,
    /// Whether there was ever an answer, and with it a connection to keep.
    answered: AtomicBool,
    base: Url,
    headers: HeaderMap,
    /// Revealed secrets: whatever the server sends back is cleared of them before it is kept.
    secrets: Vec<String>,
    timeout: Duration,
}

impl Endpoint {
    pub fn new(
        address: &Address,
        api_key: Option<&Secret>,
        headers: &Headers,
        timeout: Duration,
        env: &Env<'_>,
    ) -> Result<Self, ConnectError> {
        let mut secrets = Vec::new();
        let revealed = address.reveal(env)?;
        let wrong =
            |_| ConnectError::Client(format!("`{}` is not an address", redact(address.public())));
        let base = Url::parse(revealed.trim_end_matches('/')).map_err(wrong)?;
        secrets.extend(base.password().map(str::to_owned));
        let mut map = HeaderMap::new();
        map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = api_key {
            let key = key.reveal(env)?;
            map.insert(AUTHORIZATION, sensitive("api_key", &format!("Bearer {key}"))?);
            secrets.push(key);
        }
        for (name, value) in headers {
            let parsed = HeaderName::try_from(name.as_str());
            let parsed = parsed
                .map_err(|_| ConnectError::Client(format!("`{name}` is not a header name")))?;
            let revealed = value.reveal(env)?;
            map.insert(parsed, sensitive(name, &revealed)?);
            if value.is_reference() {
                secrets.extend(revealed.split_whitespace().map(str::to_owned));
            }
        }
        // Short words ("Bearer") are no secrets, and masking them would garble every message.
        secrets.retain(|secret| secret.len() > 6);
        Ok(Self {
            pooled: client(usize::MAX)?,
            fresh: client(0)?,
            answered: AtomicBool::new(false),
            base,
            headers: map,
            secrets,
            timeout,
        })
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// Whether the server can be reached: any answer at all will do.
    pub async fn check(&self, path: &str) -> Result<(), Failure> {
        let request = self.pooled.get(self.url(path)).headers(self.headers.clone());
        match request.timeout(CHECK_TIMEOUT).send().await {
            Err(error) if error.is_connect() => Err(self.failure(error)),
            _ => Ok(()),
        }
    }

    /// Posts a JSON body below the base address; any status but success is a failure that quotes
    /// the answer.
    ///
    /// Some servers promise to keep a connection and then close it. A request that meets such a
    /// connection was never looked at, so it is sent again, once, on a new one; the time that this
    /// takes is part of the run, and the answer says that it happened.
    pub async fn post(&self, path: &str, body: Bytes) -> Result<Posted, Failure> {
        let request = |client: &Client| {
            client.post(self.url(path)).headers(self.headers.clone()).body(body.clone()).send()
        };
        let sent = Instant::now();
        let (result, reconnected) = match request(&self.pooled).await {
            Err(error) if self.met_a_closed_connection(&error, sent) => {
                (request(&self.fresh).await, true)
            }
            result => (result, false),
        };
        let mut response = result.map_err(|error| self.failure(error))?;
        self.answered.store(true, Ordering::Relaxed);
        let status = response.status();
        if status.is_success() {
            return Ok(Posted { response, reconnected });
        }
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.map(|it| format!(" (Retry-After: {it})")).unwrap_or_default();
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() >= QUOTED_BODY {
                break;
            }
        }
        let body = String::from_utf8_lossy(body.get(..QUOTED_BODY).unwrap_or(&body));
        let body = body.split_whitespace().collect::<Vec<_>>().join(" ");
        let body = if body.is_empty() { body } else { format!(": {body}") };
        let kind = match status {
            StatusCode::TOO_MANY_REQUESTS => FailureKind::RateLimited,
            _ => FailureKind::HttpStatus,
        };
        let failure = Failure::new(kind, format!("{status}{retry_after}{body}"));
        Err(self.cleared(Failure { http_status: Some(status.as_u16()), ..failure }))
    }

    /// Reads a body chunk by chunk.
    pub async fn each_chunk(
        &self,
        mut response: Response,
        mut each: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut size = 0_usize;
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(error))? {
            size += chunk.len();
            if size > LARGEST_BODY {
                let message = format!("the answer is larger than {} MiB", LARGEST_BODY >> 20);
                return Err(Failure::new(FailureKind::TooLarge, message));
            }
            each(&chunk)?;
        }
        Ok(())
    }

    /// Makes a run out of an exchange: times it, ends it at the timeout, records how it went.
    pub async fn record<F>(&self, item: &Item, clock: Clock, exchange: impl FnOnce(f64) -> F) -> Run
    where
        F: Future<Output = Result<Answer, Failure>>,
    {
        let start = clock.now();
        let result = tokio::time::timeout(self.timeout, exchange(start)).await;
        let end = clock.now();
        let result = result.unwrap_or_else(|_| {
            let message = format!("no complete answer within {} s", self.timeout.as_secs_f64());
            Err(Failure::new(FailureKind::Timeout, message))
        });
        let (outcome, answer) = match result {
            Ok(answer) => (Outcome::Ok, answer),
            Err(failure) => {
                let http_status = failure.http_status;
                let answer = Answer { http_status, ..Answer::default() };
                (Outcome::Failed(self.cleared(failure)), answer)
            }
        };
        let Answer { llm_calls, server_runtime, http_status, reconnected } = answer;
        let id = item.id.clone();
        let phase = Phase::Measured;
        Run { id, start, end, outcome, llm_calls, server_runtime, phase, http_status, reconnected }
    }

    /// Whether a request failed as it does on a kept connection that the server has closed: at
    /// once, before any answer, and not for want of a connection.
    fn met_a_closed_connection(&self, error: &reqwest::Error, sent: Instant) -> bool {
        let can_be_kept = self.answered.load(Ordering::Relaxed);
        can_be_kept
            && error.is_request()
            && !error.is_connect()
            && !error.is_timeout()
            && sent.elapsed() < CLOSED_CONNECTION_SHOWS
    }

    fn failure(&self, error: reqwest::Error) -> Failure {
        let kind = if is_dns(&error) {
            FailureKind::Dns
        } else if error.is_connect() {
            FailureKind::Connect
        } else if error.is_timeout() {
            FailureKind::Timeout
        } else {
            FailureKind::Reset
        };
        // The address can hold a password, and the innermost cause says most.
        let error = error.without_url();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        self.cleared(Failure::new(kind, self.with_host(kind, &cause.to_string())))
    }

    fn with_host(&self, kind: FailureKind, cause: &str) -> String {
        let host = self.base.host_str().unwrap_or_default();
        let port = self.base.port_or_known_default().unwrap_or_default();
        match kind {
            FailureKind::Connect | FailureKind::Dns => format!("{host}:{port}: {cause}"),
            _ => cause.to_owned(),
        }
    }

    fn cleared(&self, mut failure: Failure) -> Failure {
        for secret in &self.secrets {
            if failure.message.contains(secret) {
                failure.message = failure.message.replace(secret, "***");
            }
        }
        failure
    }
}

/// Whether the name of the server could not be resolved; the client says so in words alone.
fn is_dns(error: &reqwest::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.to_string() == "dns error" {
            return true;
        }
        cause = error.source();
    }
    false
}

/// What an exchange brought besides its times.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub llm_calls: Vec<LlmCall>,
    pub server_runtime: Option<f64>,
    pub http_status: Option<u16>,
    pub reconnected: bool,
}

/// The head of an answer.
pub(super) struct Posted {
    pub response: Response,
    /// Whether the request had to be sent again on a new connection.
    pub reconnected: bool,
}

fn sensitive(name: &str, value: &str) -> Result<HeaderValue, ConnectError> {
    let wrong = |_| ConnectError::Client(format!("the value of {name} cannot be sent in a header"));
    let mut value = HeaderValue::try_from(value).map_err(wrong)?;
    value.set_sensitive(true);
    Ok(value)
}

fn client(idle_connections: usize) -> Result<Client, ConnectError> {
    // Fails only where a provider is installed already, which is then the one in use.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("sizer/", env!("CARGO_PKG_VERSION")))
        .pool_max_idle_per_host(idle_connections)
        .tcp_nodelay(true)
        // A redirected POST becomes a GET: better an error than another measurement.
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| ConnectError::Client(format!("the HTTP client cannot be built: {error}")))
}
