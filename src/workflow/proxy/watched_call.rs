//! Derivation of an LLM call from the traffic that passes by.

use super::bodies::{Call, MOST_KEPT};
use super::open_runs::OpenRun;
use super::shared::{SharedState, Upstream};
use crate::bounded::has_too_many_values;
use crate::measure::LlmCall;
use crate::workflow::budget::BudgetShare;
use crate::workflow::openai::answer::{ParsedAnswer, Stream, Usage, WholeAnswer};
use crate::workflow::transport::Progress;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// Number of bytes of a whole answer that are parsed.
const MOST_READ: usize = 16 << 20;

/// Call under way. Dropped before it is complete, it counts as failed.
pub(super) struct WatchedCall {
    shared: Arc<SharedState>,
    run: Arc<OpenRun>,
    upstream: String,
    /// True if this is an LLM call at all, as opposed to a question about the server.
    counts: bool,
    /// True if its protocol is understood, so that its answer is judged.
    chat: bool,
    request: Bytes,
    /// Share of the budget that the bodies take.
    held: BudgetShare,
    start: f64,
    status: StatusCode,
    reading: Reading,
    /// Body of the answer, if bodies are recorded.
    kept: Vec<u8>,
    over: bool,
}

enum Reading {
    Stream { stream: Box<Stream>, broken: bool },
    Whole(Vec<u8>),
}

/// Fields read of a request.
#[derive(Default, Deserialize)]
struct RequestFields {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    messages: Value,
    #[serde(default)]
    prompt: Value,
    #[serde(default)]
    input: Value,
}

/// Token counts in the form of other protocols.
#[derive(Default, Deserialize)]
struct OtherAnswer {
    #[serde(default)]
    usage: OtherUsage,
}

#[derive(Default, Deserialize)]
struct OtherUsage {
    #[serde(default, alias = "input_tokens")]
    prompt_tokens: Option<u64>,
    #[serde(default, alias = "output_tokens")]
    completion_tokens: Option<u64>,
}

impl WatchedCall {
    pub fn begin(
        shared: Arc<SharedState>,
        run: Arc<OpenRun>,
        upstream: &Upstream,
        (method, path): (&Method, &str),
        request: Bytes,
        held: BudgetShare,
        start: f64,
    ) -> Self {
        let counts = *method == Method::POST;
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        if counts {
            run.begin();
        }
        Self {
            shared,
            run,
            upstream: upstream.name.clone(),
            counts,
            chat: path.trim_end_matches('/').ends_with("/completions"),
            request,
            held,
            start,
            status: StatusCode::BAD_GATEWAY,
            reading: Reading::Whole(Vec::new()),
            kept: Vec::new(),
            over: false,
        }
    }

    /// Handles the head of the answer.
    pub fn head(&mut self, head: &Response<Incoming>) {
        self.status = head.status();
        let kind = head.headers().get(CONTENT_TYPE).map_or(&b""[..], |it| it.as_bytes());
        if kind.to_ascii_lowercase().starts_with(b"text/event-stream") {
            self.reading = Reading::Stream { stream: Box::default(), broken: false };
        }
    }

    /// Handles a piece of the answer.
    pub fn piece(&mut self, bytes: &[u8]) {
        if self.shared.bodies.is_some() && self.kept.len() < MOST_KEPT {
            self.kept.extend_from_slice(bytes);
        }
        let now = self.run.clock.now();
        if let Reading::Whole(body) = &self.reading
            && self.chat
            && body.iter().all(u8::is_ascii_whitespace)
            && let Some(first) = without_mark(bytes).iter().find(|byte| !byte.is_ascii_whitespace())
            && !b"{[<".contains(first)
        {
            // Not every server declares its stream as one.
            self.reading = Reading::Stream { stream: Box::default(), broken: false };
        }
        match &mut self.reading {
            Reading::Stream { stream, broken: broken @ false } => {
                match stream.feed(bytes, now) {
                    // The client may stop reading here.
                    Ok(Progress::Over) => self.end(true),
                    Ok(_) => {}
                    Err(_) => *broken = true,
                }
            }
            Reading::Whole(body)
                if body.len() < MOST_READ && self.held.more(bytes.len()).is_ok() =>
            {
                body.extend_from_slice(bytes);
            }
            Reading::Stream { .. } | Reading::Whole(_) => {}
        }
    }

    /// Marks the answer as complete.
    pub fn complete(&mut self) {
        self.end(true);
    }

    fn end(&mut self, complete: bool) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        let end = self.run.clock.now();
        if let Some(bodies) = &self.shared.bodies {
            let (run, upstream) = (self.run.id.as_str(), self.upstream.as_str());
            let call = Call { run, upstream, request: &self.request, answer: &self.kept };
            bodies.write(&self.shared.redactor, &call);
        }
        if !self.counts {
            return;
        }
        let call = if self.status.is_success() { self.call(complete, end) } else { None };
        self.run.end(call);
    }

    /// Returns the call; `None` if it failed.
    fn call(&mut self, complete: bool, end: f64) -> Option<LlmCall> {
        let asked: RequestFields = if has_too_many_values(&self.request) {
            RequestFields::default()
        } else {
            serde_json::from_slice(&self.request).unwrap_or_default()
        };
        let reading = std::mem::replace(&mut self.reading, Reading::Whole(Vec::new()));
        let mut said = match reading {
            Reading::Stream { stream, broken } => self.streamed(*stream, broken, complete, end)?,
            Reading::Whole(body) if complete => self.whole(&body)?,
            Reading::Whole(_) => return None,
        };
        // A server that counts no tokens usually sends one piece per token.
        let pieces = Some(said.arrivals.len() as u64).filter(|count| *count > 0);
        said.usage.completion_tokens = said.usage.completion_tokens.or(pieces);
        let end = said.ended.unwrap_or(end);
        let call = said.as_call(self.start, end);
        Some(LlmCall {
            prompt_tokens: call.prompt_tokens.or_else(|| asked.prompt_tokens()),
            model: asked.model,
            upstream: Some(self.upstream.clone()),
            http_status: Some(self.status.as_u16()),
            ..call
        })
    }
}

impl WatchedCall {
    /// Returns what a stream said. One whose end was seen is complete, even if the client left first.
    fn streamed(
        &self,
        mut stream: Stream,
        broken: bool,
        complete: bool,
        end: f64,
    ) -> Option<ParsedAnswer> {
        if stream.reported_an_error() || broken && self.chat {
            return None;
        }
        if self.chat {
            let over = complete || stream.progress() != Progress::Open;
            return over.then(|| stream.finish(end).ok()).flatten();
        }
        let failed = !broken && stream.close(end).is_err() && stream.reported_an_error();
        (complete && !failed && !stream.is_cut()).then(|| stream.so_far())
    }

    fn whole(&self, body: &[u8]) -> Option<ParsedAnswer> {
        WholeAnswer::parse(body).map_or_else(
            |_| {
                let other: OtherAnswer = serde_json::from_slice(body).unwrap_or_default();
                let OtherUsage { prompt_tokens, completion_tokens } = other.usage;
                let usage = Usage { prompt_tokens, completion_tokens, ..Usage::default() };
                (!self.chat && !WholeAnswer::reports_an_error(body))
                    .then(|| ParsedAnswer::counted(usage))
            },
            Some,
        )
    }
}

/// Strips the byte order mark that some servers put before their JSON.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

impl Drop for WatchedCall {
    fn drop(&mut self) {
        self.end(false);
    }
}

impl RequestFields {
    /// Estimates the length of the prompt, at four characters per token.
    fn prompt_tokens(&self) -> Option<u64> {
        let characters: usize = [&self.messages, &self.prompt, &self.input]
            .into_iter()
            .map(|value| characters(value, 0))
            .sum();
        (characters > 0).then(|| characters.div_ceil(4) as u64)
    }
}

/// Counts the characters of the text in messages, without names of roles and the like.
fn characters(value: &Value, depth: usize) -> usize {
    const DEEPEST: usize = 8;
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(values) if depth < DEEPEST => {
            values.iter().map(|value| characters(value, depth + 1)).sum()
        }
        Value::Object(map) if depth < DEEPEST => {
            let said = ["content", "text"].into_iter().filter_map(|key| map.get(key));
            said.map(|value| characters(value, depth + 1)).sum()
        }
        _ => 0,
    }
}
