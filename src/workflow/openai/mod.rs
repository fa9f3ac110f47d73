//! Chat completions protocol, and completions of a plain prompt. One run is one LLM call.

pub(super) mod answer;
mod config;
pub(super) mod dialect;
mod kind;
mod malformed;
pub(super) mod request;

pub use config::{OpenaiApi, OpenaiSpec};

use super::transport::{Access, Answer, Endpoint, Notes, PostedAnswer, Target};
use super::{BoxFuture, Clock, ConnectError, ConnectionSpec, Headers, Workflow};
use crate::language::{Address, Seconds, Vault};
use crate::measure::{Failure, Item, LlmCall, Run};
use crate::redact::Redactor;
use answer::{Stream, WholeAnswer};
use bytes::Bytes;
use dialect::{Dialect, Form};
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use request::Requests;
use std::path::Path;
use std::sync::Arc;

/// Endpoint that speaks the chat completions protocol.
pub struct Openai {
    endpoint: Endpoint,
    completions: Target,
    models: Target,
    headers: HeaderMap,
    requests: Requests,
    stream: bool,
    dialect: Dialect,
}

impl Openai {
    /// Prepares an endpoint.
    pub fn new(
        spec: &OpenaiSpec,
        base_dir: &Path,
        vault: &Vault<'_>,
    ) -> Result<Self, ConnectError> {
        let access = Access {
            address: &spec.base_url,
            api_key: spec.api_key.as_ref(),
            headers: &spec.headers,
            timeout: spec.timeout,
            connection: &spec.connection,
            base_dir,
        };
        Self::of(&access, spec, vault)
    }

    /// Client of a server on this machine that needs no key.
    pub(super) fn local(
        address: String,
        stream: bool,
        timeout: Seconds,
        connection: &ConnectionSpec,
    ) -> Result<Self, ConnectError> {
        let (address, headers) = (Address::from(address), Headers::new());
        let (api_key, base_dir) = (None, Path::new("."));
        let access =
            Access { address: &address, api_key, headers: &headers, timeout, connection, base_dir };
        let spec = OpenaiSpec { stream, ..OpenaiSpec::of(address.clone(), "simulator") };
        Self::of(&access, &spec, &Vault::new(&|_| None, &Redactor::default()))
    }

    fn of(access: &Access<'_>, spec: &OpenaiSpec, vault: &Vault<'_>) -> Result<Self, ConnectError> {
        let endpoint = Endpoint::new(access, vault)?;
        let path = match spec.api {
            OpenaiApi::Chat => "/chat/completions",
            OpenaiApi::Completions => "/completions",
        };
        let json = HeaderValue::from_static("application/json");
        Ok(Self {
            completions: endpoint.target(path)?,
            models: endpoint.target("/models")?,
            endpoint,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, json)]),
            requests: Requests::new(spec),
            stream: spec.stream,
            dialect: Dialect::default(),
        })
    }

    async fn exchange(
        &self,
        item: &Item,
        (mut form, mut body): (Form, Bytes),
        (start, clock): (f64, Clock),
        notes: Arc<Notes>,
    ) -> Result<Answer, Failure> {
        let (to, headers) = (&self.completions, &self.headers);
        loop {
            let sent = self.endpoint.send(&Method::POST, to, headers, body, &notes).await?;
            let stream = self.stream.then(Stream::default);
            let failure = match read(sent, stream, start, clock).await {
                Ok((call, _)) => {
                    let (ended, notes) = (Some(call.end), form.notes().collect());
                    return Ok(Answer { llm_calls: vec![call], ended, notes, ..Answer::default() });
                }
                Err(failure) => failure,
            };
            // A server that does not know a key is asked again without it, once and for all.
            form = self.dialect.learn(form, &failure).ok_or(failure)?;
            body = self.requests.body(item, form);
        }
    }
}

/// Reads an answer to its end and returns the call with its text. The text is kept if `stream` keeps it, and
/// always if the answer arrives whole, that is without `stream`.
pub(super) async fn read(
    sent: PostedAnswer<'_>,
    stream: Option<Stream>,
    start: f64,
    clock: Clock,
) -> Result<(LlmCall, Option<String>), Failure> {
    let sent = sent.success().await?;
    let said = if let Some(mut stream) = stream {
        sent.until_over(|chunk| stream.feed(chunk, clock.now())).await?;
        stream.finish(clock.now())?
    } else {
        let mut body = Vec::new();
        let each = |chunk: &[u8]| {
            body.extend_from_slice(chunk);
            Ok(())
        };
        sent.each_chunk(each).await?;
        WholeAnswer::parse(&body)?
    };
    let end = said.ended.unwrap_or_else(|| clock.now());
    Ok((said.as_call(start, end), said.text))
}

impl Workflow for Openai {
    fn check(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(self.endpoint.check(&self.models))
    }

    fn run<'a>(&'a self, item: &'a Item, clock: Clock) -> BoxFuture<'a, Run> {
        // Built before the clock is read, since building the request is not the server's time.
        let form = self.dialect.form();
        let request = (form, self.requests.body(item, form));
        let exchange = move |start, notes| self.exchange(item, request, (start, clock), notes);
        Box::pin(self.endpoint.record_as_call(item, clock, exchange))
    }
}

/// Describes what a body says if it is cut into chunks of this length.
///
/// # Panics
///
/// If the fast path reads a chunk differently than the full parser.
#[cfg(fuzzing)]
pub(super) fn read_stream(body: &[u8], piece: usize) -> Result<String, Failure> {
    let read = |forgetful: bool| {
        let mut stream = if forgetful { Stream::forgetful() } else { Stream::default() };
        for chunk in body.chunks(piece) {
            stream.feed(chunk, 0.0)?;
        }
        stream.finish(0.0).map(|said| format!("{said:?}"))
    };
    let said = read(false);
    assert_eq!(said, read(true));
    said
}
