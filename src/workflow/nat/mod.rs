//! Workflows served by NeMo Agent Toolkit: `POST /generate/full`.

mod steps;

pub use steps::Steps;

use super::http::{Answer, Endpoint, Posted};
use super::lines::Lines;
use super::{Clock, ConnectError, Headers, Pending, Workflow};
use crate::measure::{Failure, Item, Run};
use crate::spec::workflow::NatSpec;
use crate::spec::{Address, Env};
use bytes::Bytes;
use serde_json::json;
use std::time::Duration;

/// A workflow behind `nat serve`.
pub struct Nat {
    endpoint: Endpoint,
}

impl Nat {
    /// Makes a served workflow ready.
    pub fn new(spec: &NatSpec, env: &Env<'_>) -> Result<Self, ConnectError> {
        let timeout = spec.timeout.to_std();
        let endpoint =
            Endpoint::new(&spec.base_url, spec.api_key.as_ref(), &spec.headers, timeout, env)?;
        Ok(Self { endpoint })
    }

    /// A server on this machine that needs no key.
    pub(super) fn local(address: String, timeout: Duration) -> Result<Self, ConnectError> {
        let no_env = |_: &str| None;
        let address = Address::from(address);
        let endpoint = Endpoint::new(&address, None, &Headers::new(), timeout, &no_env)?;
        Ok(Self { endpoint })
    }

    async fn exchange(&self, body: Bytes, start: f64) -> Result<Answer, Failure> {
        let Posted { response, reconnected } = self.endpoint.post("/generate/full", body).await?;
        let http_status = Some(response.status().as_u16());
        let mut lines = Lines::default();
        let mut steps = Steps::default();
        let each = |chunk: &[u8]| lines.feed(chunk, |line| steps.line(line));
        self.endpoint.each_chunk(response, each).await?;
        lines.finish(|line| steps.line(line))?;
        let server_runtime = steps.server_runtime();
        Ok(Answer { llm_calls: steps.finish(start)?, server_runtime, http_status, reconnected })
    }
}

impl Workflow for Nat {
    fn check(&self) -> Pending<'_, Result<(), Failure>> {
        Box::pin(self.endpoint.check("/health"))
    }

    fn run<'a>(&'a self, item: &'a Item, clock: Clock) -> Pending<'a, Run> {
        let body = Bytes::from(json!({ "input_message": item.input }).to_string());
        Box::pin(self.endpoint.record(item, clock, |start| self.exchange(body, start)))
    }
}

/// The calls that a body reports, handed over in pieces of a length.
#[cfg(fuzzing)]
pub(super) fn read_stream(body: &[u8], piece: usize) -> Result<String, Failure> {
    let (mut lines, mut steps) = (Lines::default(), Steps::default());
    for chunk in body.chunks(piece) {
        lines.feed(chunk, |line| steps.line(line))?;
    }
    lines.finish(|line| steps.line(line))?;
    steps.finish(0.0).map(|calls| format!("{calls:?}"))
}
