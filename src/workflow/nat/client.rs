//! Client of `POST /generate/full`.

use super::config::NatSpec;
use super::steps::{Done, Steps};
use crate::language::{Address, Seconds, Vault};
use crate::measure::{Failure, Item, Run};
use crate::redact::Redactor;
use crate::workflow::lines::Lines;
use crate::workflow::proxy::Proxy;
use crate::workflow::transport::{Access, Answer, Endpoint, Notes, Progress, Target};
use crate::workflow::{BoxFuture, Clock, ConnectError, ConnectionSpec, Headers, Workflow};
use bytes::Bytes;
use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// Workflow behind `nat serve`.
pub struct Nat {
    endpoint: Endpoint,
    generate: Target,
    health: Target,
    headers: HeaderMap,
    /// Proxy that sees the LLM calls behind the service; if present, it replaces the intermediate steps.
    proxy: Option<Arc<Proxy>>,
}

impl Nat {
    /// Prepares a served workflow.
    pub(super) fn new(
        spec: &NatSpec,
        address: &Address,
        proxy: Option<Arc<Proxy>>,
        base_dir: &Path,
        vault: &Vault<'_>,
    ) -> Result<Self, ConnectError> {
        Self::of(
            &Access {
                address,
                api_key: spec.api_key.as_ref(),
                headers: &spec.headers,
                timeout: spec.timeout,
                connection: &spec.connection,
                base_dir,
            },
            proxy,
            vault,
        )
    }

    /// Client of a server on this machine that needs no key.
    pub(in crate::workflow) fn local(
        address: String,
        timeout: Seconds,
        connection: &ConnectionSpec,
    ) -> Result<Self, ConnectError> {
        let (address, headers) = (Address::from(address), Headers::new());
        let (api_key, base_dir) = (None, Path::new("."));
        let access =
            Access { address: &address, api_key, headers: &headers, timeout, connection, base_dir };
        Self::of(&access, None, &Vault::new(&|_| None, &Redactor::default()))
    }

    /// The same client with a token that every request carries.
    pub(super) fn with_token(mut self, token: &str) -> Result<Self, ConnectError> {
        let wrong = |_| ConnectError::Client("the token cannot be sent in a header".to_owned());
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(wrong)?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(self)
    }

    fn of(
        access: &Access<'_>,
        proxy: Option<Arc<Proxy>>,
        vault: &Vault<'_>,
    ) -> Result<Self, ConnectError> {
        let endpoint = Endpoint::new(access, vault)?;
        let json = HeaderValue::from_static("application/json");
        Ok(Self {
            generate: endpoint.target("/generate/full")?,
            health: endpoint.target("/health")?,
            endpoint,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, json)]),
            proxy,
        })
    }

    async fn exchange(
        &self,
        headers: &HeaderMap,
        body: Bytes,
        (start, clock): (f64, Clock),
        notes: Arc<Notes>,
    ) -> Result<Answer, Failure> {
        let sent = self.endpoint.send(&Method::POST, &self.generate, headers, body, &notes).await?;
        let mut lines = Lines::default();
        let mut steps = Steps::default();
        let mut last = start;
        let mut progress = Progress::Open;
        let each = |chunk: &[u8]| {
            let now = clock.now();
            lines.feed(chunk, |line| steps.line(line))?;
            let before = std::mem::replace(&mut progress, steps.progress());
            if progress == Progress::Open || progress != before {
                last = now;
            }
            Ok(progress)
        };
        sent.success().await?.until_over(each).await?;
        lines.finish(|line| steps.line(line))?;
        let complete = matches!(steps.progress(), Progress::Complete { .. });
        let (server_runtime, failed_calls) = (steps.server_runtime(), steps.unfinished());
        let Done { llm_calls, steps, notes } = steps.finish(start..clock.now())?;
        Ok(Answer {
            server_runtime,
            failed_calls,
            ended: complete.then_some(last),
            llm_calls,
            notes,
            steps,
        })
    }
}

impl Workflow for Nat {
    fn check(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(self.endpoint.check(&self.health))
    }

    fn run<'a>(&'a self, item: &'a Item, clock: Clock) -> BoxFuture<'a, Run> {
        let body = Bytes::from(json!({ "input_message": item.input }).to_string());
        let Some(proxy) = &self.proxy else {
            let exchange =
                move |start, notes| self.exchange(&self.headers, body, (start, clock), notes);
            return Box::pin(self.endpoint.record(item, clock, exchange));
        };
        Box::pin(proxy.watch(&item.id, clock, async move |known_by| {
            let mut headers = self.headers.clone();
            headers.extend(known_by);
            let exchange = |start, notes| self.exchange(&headers, body, (start, clock), notes);
            self.endpoint.record(item, clock, exchange).await
        }))
    }
}
