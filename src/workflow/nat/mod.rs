//! Workflows served by NeMo Agent Toolkit: `POST /generate/full`.

mod steps;

pub use steps::Steps;

use super::lines::Lines;
use super::transport::{Access, Answer, Endpoint, Notes, Target};
use super::{Clock, ConnectError, Headers, Pending, Workflow};
use crate::measure::{Failure, Item, Run};
use crate::spec::workflow::{ConnectionSpec, NatSpec};
use crate::spec::{Address, Env, Seconds};
use bytes::Bytes;
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// A workflow behind `nat serve`.
pub struct Nat {
    endpoint: Endpoint,
    generate: Target,
    health: Target,
    headers: HeaderMap,
}

impl Nat {
    /// Makes a served workflow ready.
    pub fn new(spec: &NatSpec, base_dir: &Path, env: &Env<'_>) -> Result<Self, ConnectError> {
        Self::of(
            &Access {
                address: &spec.base_url,
                api_key: spec.api_key.as_ref(),
                headers: &spec.headers,
                timeout: spec.timeout,
                connection: &spec.connection,
                base_dir,
            },
            env,
        )
    }

    /// A server on this machine that needs no key.
    pub(super) fn local(
        address: String,
        timeout: Seconds,
        connection: &ConnectionSpec,
    ) -> Result<Self, ConnectError> {
        let (address, headers) = (Address::from(address), Headers::new());
        let (api_key, base_dir) = (None, Path::new("."));
        let access =
            Access { address: &address, api_key, headers: &headers, timeout, connection, base_dir };
        Self::of(&access, &|_| None)
    }

    fn of(access: &Access<'_>, env: &Env<'_>) -> Result<Self, ConnectError> {
        let endpoint = Endpoint::new(access, env)?;
        let json = HeaderValue::from_static("application/json");
        Ok(Self {
            generate: endpoint.target("/generate/full")?,
            health: endpoint.target("/health")?,
            endpoint,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, json)]),
        })
    }

    async fn exchange(
        &self,
        body: Bytes,
        start: f64,
        notes: Arc<Notes>,
    ) -> Result<Answer, Failure> {
        let sent =
            self.endpoint.send(&Method::POST, &self.generate, &self.headers, body, &notes).await?;
        let mut lines = Lines::default();
        let mut steps = Steps::default();
        let each = |chunk: &[u8]| lines.feed(chunk, |line| steps.line(line));
        sent.success().await?.each_chunk(each).await?;
        lines.finish(|line| steps.line(line))?;
        let server_runtime = steps.server_runtime();
        Ok(Answer { llm_calls: steps.finish(start)?, server_runtime })
    }
}

impl Workflow for Nat {
    fn check(&self) -> Pending<'_, Result<(), Failure>> {
        Box::pin(self.endpoint.check(&self.health))
    }

    fn run<'a>(&'a self, item: &'a Item, clock: Clock) -> Pending<'a, Run> {
        let body = Bytes::from(json!({ "input_message": item.input }).to_string());
        Box::pin(
            self.endpoint.record(item, clock, |start, notes| self.exchange(body, start, notes)),
        )
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
