//! Chat completions: one run is one LLM call.

mod answer;

use super::http::{Answer, Endpoint, Posted};
use super::lines::Lines;
use super::{Clock, ConnectError, Pending, Workflow};
use crate::measure::{Failure, FailureKind, Gaps, Item, LlmCall, Run};
use crate::spec::workflow::OpenaiSpec;
use crate::spec::{Address, Env};
use answer::{Stream, Whole};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// An endpoint that speaks the chat completions protocol.
pub struct Openai {
    endpoint: Endpoint,
    /// The request's body but for the messages.
    template: Map<String, Value>,
    system: Option<String>,
    stream: bool,
}

impl Openai {
    /// Makes an endpoint ready.
    pub fn new(spec: &OpenaiSpec, env: &Env<'_>) -> Result<Self, ConnectError> {
        let timeout = spec.timeout.to_std();
        let endpoint =
            Endpoint::new(&spec.base_url, spec.api_key.as_ref(), &spec.headers, timeout, env)?;
        let mut template = spec.extra_body.clone();
        let mut set = |key: &str, value: Value| template.insert(key.to_owned(), value);
        set("model", json!(spec.model));
        set("stream", json!(spec.stream));
        if spec.stream {
            set("stream_options", json!({ "include_usage": true }));
        }
        if let Some(max_tokens) = spec.max_tokens {
            set("max_tokens", json!(max_tokens));
        }
        if let Some(temperature) = spec.temperature {
            set("temperature", json!(temperature));
        }
        Ok(Self { endpoint, template, system: spec.system.clone(), stream: spec.stream })
    }

    /// The endpoint of a server on this machine that needs no key.
    pub(super) fn local(
        address: String,
        stream: bool,
        timeout: Duration,
    ) -> Result<Self, ConnectError> {
        let no_env = |_: &str| None;
        let address = Address::from(address);
        let endpoint = Endpoint::new(&address, None, &super::Headers::new(), timeout, &no_env)?;
        let template = json!({
            "model": "simulator", "stream": stream, "stream_options": { "include_usage": true },
        });
        let Value::Object(mut template) = template else {
            return Err(ConnectError::Client(String::new()));
        };
        if !stream {
            template.remove("stream_options");
        }
        Ok(Self { endpoint, template, system: None, stream })
    }

    fn body(&self, item: &Item) -> Bytes {
        let mut messages = Vec::new();
        if let Some(system) = &self.system {
            messages.push(json!({ "role": "system", "content": system }));
        }
        messages.push(json!({ "role": "user", "content": item.input }));
        let mut body = self.template.clone();
        body.insert("messages".to_owned(), Value::Array(messages));
        Bytes::from(Value::Object(body).to_string())
    }

    async fn exchange(&self, body: Bytes, start: f64, clock: Clock) -> Result<Answer, Failure> {
        let Posted { response, reconnected } =
            self.endpoint.post("/chat/completions", body).await?;
        let http_status = Some(response.status().as_u16());
        let said = if self.stream {
            let mut lines = Lines::default();
            let mut stream = Stream::default();
            let each = |chunk: &[u8]| {
                let now = clock.now();
                lines.feed(chunk, |line| stream.line(line, now))
            };
            self.endpoint.each_chunk(response, each).await?;
            lines.finish(|line| stream.line(line, clock.now()))?;
            stream.finish()?
        } else {
            let mut body = Vec::new();
            let each = |chunk: &[u8]| {
                body.extend_from_slice(chunk);
                Ok(())
            };
            self.endpoint.each_chunk(response, each).await?;
            Whole::parse(&body)?
        };
        let call = LlmCall {
            start,
            end: clock.now(),
            ttft: said.arrivals.first().map(|at| at - start),
            prompt_tokens: said.usage.prompt_tokens,
            completion_tokens: said.usage.completion_tokens,
            itl: Gaps::between(&said.arrivals),
            finish_reason: said.finish_reason,
        };
        Ok(Answer { llm_calls: vec![call], server_runtime: None, http_status, reconnected })
    }
}

impl Workflow for Openai {
    fn check(&self) -> Pending<'_, Result<(), Failure>> {
        Box::pin(self.endpoint.check("/models"))
    }

    fn run<'a>(&'a self, item: &'a Item, clock: Clock) -> Pending<'a, Run> {
        // Built before the clock is read: making the request is not the server's time.
        let body = self.body(item);
        Box::pin(async move {
            let mut run =
                self.endpoint.record(item, clock, |start| self.exchange(body, start, clock)).await;
            // The run is the call: one reading of the clock serves both.
            let (start, end) = (run.start, run.end);
            for call in &mut run.llm_calls {
                (call.start, call.end) = (start, end);
            }
            run
        })
    }
}

fn malformed(what: &str, text: &[u8]) -> Failure {
    const QUOTED: usize = 120;
    let text = String::from_utf8_lossy(text.get(..QUOTED).unwrap_or(text));
    Failure::new(FailureKind::Malformed, format!("{what}: {text}"))
}

/// What a body says, handed over in pieces of a length.
#[cfg(fuzzing)]
pub(super) fn read_stream(body: &[u8], piece: usize) -> Result<String, Failure> {
    let (mut lines, mut stream) = (Lines::default(), Stream::default());
    for chunk in body.chunks(piece) {
        lines.feed(chunk, |line| stream.line(line, 0.0))?;
    }
    lines.finish(|line| stream.line(line, 0.0))?;
    stream.finish().map(|said| format!("{said:?}"))
}
