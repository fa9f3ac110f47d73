//! `POST /generate/full`: an agent that calls the engine a few times with tools in between, and streams its
//! steps as NeMo Agent Toolkit does.

use super::chat::respond;
use super::faults::{self, Piece};
use super::shared::SharedState;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::mpsc::{Sender, channel};

#[derive(Deserialize)]
struct Request {
    input_message: String,
}

/// Runs the agent.
pub(super) async fn full(State(shared): State<Arc<SharedState>>, body: Bytes) -> Response {
    let guard = shared.enter();
    let request: Request = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => {
            let detail = json!({ "detail": error.to_string() }).to_string();
            return (StatusCode::UNPROCESSABLE_ENTITY, detail).into_response();
        }
    };
    let fault = faults::meet(&shared.spec.faults, guard.count, &shared.driver);
    if let Some(refusal) = fault.and_then(faults::refusal) {
        return refusal;
    }
    // A short channel, so that an agent whose client went away stops at its next step.
    let (steps, inbox) = channel::<Bytes>(16);
    let run = format!("{:016x}", shared.driver.chance().to_bits());
    tokio::spawn(async move {
        let _ = Agent { shared, run, steps }.work(&request.input_message).await;
    });
    let body =
        stream::unfold(inbox, async |mut inbox| Some((Piece::Ok(inbox.recv().await?), inbox)));
    // The toolkit ends a failed stream with a bare object, without a prefix or a line end.
    let error = json!({ "code": "workflow_error", "message": "the simulator was told to fail", "details": "SimulatedError" });
    let body = faults::spoil(fault, body.boxed(), Bytes::from(error.to_string()));
    respond("text/event-stream", body, guard)
}

struct Agent {
    shared: Arc<SharedState>,
    run: String,
    steps: Sender<Bytes>,
}

/// Error of a client that went away.
struct ClientGone;

impl Agent {
    async fn work(self, question: &str) -> Result<(), ClientGone> {
        let workflow = self.workflow();
        let agent = &self.shared.spec.agent;
        let begin = self.now();
        self.step("WORKFLOW_START", "agent", &workflow, begin, None).await?;
        for call in 0..agent.calls {
            if call > 0 {
                let tool = format!("{}-tool-{call}", self.run);
                self.step("TOOL_START", "tool", &tool, self.now(), None).await?;
                tokio::time::sleep(agent.tool_time.to_std()).await;
                self.step("TOOL_END", "tool", &tool, self.now(), None).await?;
            }
            self.call(question, call).await?;
        }
        self.send(format!("data: {}\n\n", json!({ "value": "the answer" }))).await?;
        self.step("WORKFLOW_END", "agent", &workflow, self.now(), None).await
    }

    async fn call(&self, question: &str, call: u32) -> Result<(), ClientGone> {
        let uuid = format!("{}-llm-{call}", self.run);
        let mut accepted = self.shared.driver.submit(question, None);
        let start = self.shared.driver.epoch(accepted.at);
        self.step("LLM_START", "simulator", &uuid, start, None).await?;
        let mut count = 0_u64;
        while let Some(token) = accepted.tokens.recv().await {
            let at = self.shared.driver.epoch(token.at);
            count += 1;
            if count == 1 {
                self.step("LLM_NEW_TOKEN", "simulator", &uuid, at, None).await?;
            }
            if token.last {
                let usage = (u64::from(accepted.prompt_tokens), count);
                return self.step("LLM_END", "simulator", &uuid, at, Some(usage)).await;
            }
        }
        Err(ClientGone)
    }

    /// The id of the step that all others are part of.
    fn workflow(&self) -> String {
        format!("{}-workflow", self.run)
    }

    fn now(&self) -> f64 {
        self.shared.driver.epoch(self.shared.driver.elapsed())
    }

    async fn step(
        &self,
        kind: &str,
        name: &str,
        uuid: &str,
        at: f64,
        usage: Option<(u64, u64)>,
    ) -> Result<(), ClientGone> {
        let usage = usage.map(|(prompt, completion)| {
            json!({ "token_usage": {
                "prompt_tokens": prompt, "completion_tokens": completion,
                "total_tokens": prompt + completion,
            }})
        });
        let chunk = (kind == "LLM_NEW_TOKEN").then_some("word ");
        let payload = json!({
            "event_type": kind, "event_timestamp": at, "name": name, "UUID": uuid,
            "usage_info": usage, "data": { "chunk": chunk },
        });
        let workflow = self.workflow();
        let parent = if uuid == workflow { "root" } else { &workflow };
        let step = json!({
            "id": uuid, "parent_id": parent, "type": kind, "name": name, "payload": payload.to_string(),
        });
        self.send(format!("intermediate_data: {step}\n\n")).await
    }

    async fn send(&self, line: String) -> Result<(), ClientGone> {
        self.steps.send(Bytes::from(line)).await.map_err(|_| ClientGone)
    }
}
