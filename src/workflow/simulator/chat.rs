//! `POST /v1/chat/completions`, streamed and whole.

use super::config::FaultKind;
use super::driver::{AcceptedRequest, Tokens};
use super::faults::{self, Piece};
use super::shared::{InFlight, SharedState};
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Deserialize)]
struct Request {
    #[serde(default)]
    model: String,
    messages: Vec<Message>,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    max_tokens: Option<u32>,
    #[serde(default)]
    max_completion_tokens: Option<u32>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Value,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

impl Request {
    fn prompt(&self) -> String {
        let texts = self.messages.iter().flat_map(|message| match &message.content {
            Value::String(text) => vec![text.as_str()],
            Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
            _ => Vec::new(),
        });
        texts.collect::<Vec<_>>().join("\n")
    }
}

/// Answers a chat completion.
pub(super) async fn complete(State(shared): State<Arc<SharedState>>, body: Bytes) -> Response {
    let guard = shared.enter();
    let request: Request = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => {
            let body = json!({ "error": { "message": format!("not a chat completion: {error}") } });
            return (StatusCode::BAD_REQUEST, json_type(), body.to_string()).into_response();
        }
    };
    let fault = faults::meet(&shared.spec.faults, guard.count, &shared.driver);
    if let Some(refusal) = fault.and_then(faults::refusal) {
        return refusal;
    }
    let max_tokens = request.max_tokens.or(request.max_completion_tokens);
    let accepted = shared.driver.submit(&request.prompt(), max_tokens);
    let created = shared.driver.epoch(accepted.at).round();
    let answer = Answer { model: request.model.clone(), created, finish: finish(&accepted) };
    let error = json!({ "error": { "message": "the simulator was told to fail" } });
    if request.stream {
        let usage = request.stream_options.as_ref().is_some_and(|options| options.include_usage);
        let error = Bytes::from(format!("data: {error}\n\n"));
        let body = faults::spoil(fault, answer.stream(accepted, usage), error);
        respond("text/event-stream", body, guard)
    } else {
        let whole = answer.whole(accepted).await;
        // Only the first half at first, so that a fault can strike in between.
        let half = if fault.is_some() { whole.len() / 2 } else { whole.len() };
        let halves = [whole.slice(..half), whole.slice(half..)].map(Ok);
        let body = match fault {
            Some(FaultKind::Error) => stream::iter([Ok(Bytes::from(error.to_string()))]).boxed(),
            _ => faults::spoil(fault, stream::iter(halves).boxed(), Bytes::new()),
        };
        respond("application/json", body, guard)
    }
}

fn finish(accepted: &AcceptedRequest) -> &'static str {
    if accepted.cut { "length" } else { "stop" }
}

fn json_type() -> [(header::HeaderName, &'static str); 1] {
    [(header::CONTENT_TYPE, "application/json")]
}

/// Builds a response whose request counts as in flight until its body has been sent.
pub(super) fn respond(
    kind: &'static str,
    body: BoxStream<'static, Piece>,
    guard: InFlight,
) -> Response {
    let body = body.map(move |piece| {
        let _held = &guard;
        piece
    });
    ([(header::CONTENT_TYPE, kind)], Body::from_stream(body)).into_response()
}

struct Answer {
    model: String,
    created: f64,
    finish: &'static str,
}

impl Answer {
    fn envelope(&self, object: &str, choices: &Value) -> Value {
        json!({
            "id": "chatcmpl-simulated", "object": object, "created": self.created, "model": self.model,
            "choices": choices,
        })
    }

    fn chunk(&self, delta: &Value, finish: Option<&str>) -> Bytes {
        let choices = json!([{ "index": 0, "delta": delta, "finish_reason": finish }]);
        let chunk = self.envelope("chat.completion.chunk", &choices);
        Bytes::from(format!("data: {chunk}\n\n"))
    }

    fn stream(self, accepted: AcceptedRequest, with_usage: bool) -> BoxStream<'static, Piece> {
        let prompt_tokens = accepted.prompt_tokens;
        let head = self.chunk(&json!({ "role": "assistant", "content": "" }), None);
        // Every token is the same word, so its chunk is built once.
        let word = self.chunk(&json!({ "content": "word " }), None);
        let tokens =
            stream::unfold((accepted.tokens, 0_u64), move |(mut tokens, count): (Tokens, u64)| {
                let word = word.clone();
                async move {
                    if count == u64::MAX {
                        return None;
                    }
                    match tokens.recv().await {
                        Some(token) if token.last => {
                            Some(((word, Some(count + 1)), (tokens, u64::MAX)))
                        }
                        Some(_) => Some(((word, None), (tokens, count + 1))),
                        None => None,
                    }
                }
            });
        let body = tokens.map(move |(word, total)| {
            let Some(total) = total else { return word };
            let mut tail = word.to_vec();
            tail.extend_from_slice(&self.chunk(&json!({}), Some(self.finish)));
            if with_usage {
                let mut chunk = self.envelope("chat.completion.chunk", &json!([]));
                chunk["usage"] = usage(prompt_tokens, total);
                tail.extend_from_slice(format!("data: {chunk}\n\n").as_bytes());
            }
            tail.extend_from_slice(b"data: [DONE]\n\n");
            Bytes::from(tail)
        });
        stream::iter([head]).chain(body).map(Ok).boxed()
    }

    async fn whole(self, mut accepted: AcceptedRequest) -> Bytes {
        let mut count = 0_u64;
        while let Some(token) = accepted.tokens.recv().await {
            count += 1;
            if token.last {
                break;
            }
        }
        let content = "word ".repeat(usize::try_from(count).unwrap_or_default());
        let message = json!({ "role": "assistant", "content": content });
        let choices = json!([{ "index": 0, "message": message, "finish_reason": self.finish }]);
        let mut whole = self.envelope("chat.completion", &choices);
        whole["usage"] = usage(accepted.prompt_tokens, count);
        Bytes::from(whole.to_string())
    }
}

fn usage(prompt_tokens: u32, completion_tokens: u64) -> Value {
    json!({
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": u64::from(prompt_tokens) + completion_tokens,
    })
}
