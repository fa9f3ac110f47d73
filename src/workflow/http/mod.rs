//! Workflow of any HTTP service: path, headers and body are templates over the item.

mod config;
mod kind;

pub use config::{HttpSpec, SuccessRule};

use super::error_detector::ErrorDetector;
use super::proxy::Proxy;
use super::template::{SecretTemplate, Template};
use super::transport::{Access, Answer, Endpoint, Notes, Target, split_url};
use super::{BoxFuture, Clock, ConnectError, Headers, Workflow};
use crate::bounded::{MOST_VALUES, has_too_many_values};
use crate::language::{Address, Secret, Vault};
use crate::measure::{Failure, FailureKind, Gaps, Item, LlmCall, Run};
use crate::redact::Redactor;
use bytes::Bytes;
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use regex_lite::Regex;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// Number of bytes of a body that are kept for the success rule.
const MOST_JUDGED: usize = 16 << 20;

/// HTTP service under test.
pub struct Http {
    endpoint: Endpoint,
    method: Method,
    /// Template of path and query.
    path: Template,
    root: Target,
    /// Headers that are the same for all items and that the endpoint does not add on its own.
    common: HeaderMap,
    headers: Vec<(HeaderName, SecretTemplate)>,
    body: Template,
    stream: bool,
    rule: Rule,
    /// Proxy that sees the LLM calls behind the service.
    proxy: Option<Arc<Proxy>>,
}

struct Rule {
    spec: SuccessRule,
    regex: Option<Regex>,
}

impl Http {
    /// Prepares a service.
    pub(super) fn new(
        spec: &HttpSpec,
        proxy: Option<Arc<Proxy>>,
        base_dir: &Path,
        vault: &Vault<'_>,
    ) -> Result<Self, ConnectError> {
        let wrong = |key: &str, what: String| {
            ConnectError::Client(format!("workflow.{key} cannot be used: {what}"))
        };
        // There is one server; items differ only in what they ask it.
        let (server, path) = split_url(spec.url.public());
        let (fixed, templated): (Headers, Vec<_>) = partition(&spec.headers);
        let endpoint = Endpoint::new(
            &Access {
                address: &Address::from(server.to_owned()),
                api_key: spec.api_key.as_ref(),
                headers: &fixed,
                timeout: spec.timeout,
                connection: &spec.connection,
                base_dir,
            },
            vault,
        )?;
        let mut headers = Vec::new();
        for (name, value) in templated {
            let parsed = HeaderName::try_from(name.as_str());
            let parsed = parsed.map_err(|error| wrong("headers", format!("{name}: {error}")))?;
            let key = format!("workflow.headers.{name}");
            headers.push((parsed, SecretTemplate::new(&key, value, vault)?));
        }
        let mut common = HeaderMap::new();
        if !spec.headers.keys().any(|name| name.eq_ignore_ascii_case(CONTENT_TYPE.as_str())) {
            common.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let regex = spec.success.regex.as_deref().map(Regex::new).transpose();
        Ok(Self {
            method: Method::from_bytes(spec.method.to_ascii_uppercase().as_bytes())
                .map_err(|error| wrong("method", error.to_string()))?,
            path: Template::new("workflow.url", path)?,
            root: endpoint.exact_target("/")?,
            endpoint,
            common,
            headers,
            body: Template::new("workflow.body", spec.body.as_deref().unwrap_or(""))?,
            stream: spec.stream,
            rule: Rule {
                spec: spec.success.clone(),
                regex: regex.map_err(|error| wrong("success.regex", error.to_string()))?,
            },
            proxy,
        })
    }

    fn request(&self, item: &Item) -> Result<(Target, HeaderMap, Bytes), Failure> {
        let path = self.path.render(item)?;
        let target = self.endpoint.exact_target(&path);
        let target = target.map_err(|error| {
            Failure::new(FailureKind::Template, format!("workflow.url: {error}"))
        })?;
        let mut headers = self.common.clone();
        for (name, template) in &self.headers {
            let value = HeaderValue::try_from(template.render(item)?);
            let value = value.map_err(|error| {
                Failure::new(FailureKind::Template, format!("workflow.headers.{name}: {error}"))
            })?;
            headers.insert(name.clone(), value);
        }
        Ok((target, headers, Bytes::from(self.body.render(item)?)))
    }

    async fn exchange(
        &self,
        request: Result<(Target, HeaderMap, Bytes), Failure>,
        start: f64,
        clock: Clock,
        notes: Arc<Notes>,
    ) -> Result<Answer, Failure> {
        let (target, headers, body) = request?;
        let mut sent = self.endpoint.send(&self.method, &target, &headers, body, &notes).await?;
        let status = sent.status();
        let expected = &self.rule.spec.status;
        let good = if expected.is_empty() {
            status.is_success()
        } else {
            expected.contains(&status.as_u16())
        };
        if !good {
            return Err(sent.as_failure().await);
        }
        let (mut arrivals, mut kept) = (Vec::new(), Vec::new());
        let judged = self.rule.spec.reads_the_body();
        if judged || self.stream {
            sent.is_plain()?;
        }
        let is_event_stream = self.stream && sent.is_event_stream();
        // Whoever expects something of a document, or another status, knows what an error is.
        let is_looked_at = is_event_stream || (!judged && status.is_success());
        let mut reported = is_looked_at.then(|| ErrorDetector::new(is_event_stream));
        let each = |chunk: &[u8]| {
            if let Some(reported) = &mut reported {
                reported.feed(chunk)?;
            }
            if self.stream && !chunk.is_empty() {
                arrivals.push(clock.now());
            }
            if judged && kept.len() < MOST_JUDGED {
                kept.extend_from_slice(chunk);
            }
            Ok(())
        };
        sent.each_chunk(each).await?;
        reported.as_mut().map_or(Ok(()), ErrorDetector::finish)?;
        if self.stream && arrivals.is_empty() {
            let message =
                "the answer is empty: with `stream: true`, at least one piece must arrive";
            return Err(Failure::new(FailureKind::Truncated, message));
        }
        self.rule.judge(&kept, self.endpoint.redactor())?;
        let call = LlmCall {
            start,
            end: clock.now(),
            ttft: arrivals.first().map(|at| at - start),
            itl: Gaps::between(&arrivals),
            ..LlmCall::default()
        };
        let llm_calls = if self.stream { vec![call] } else { Vec::new() };
        Ok(Answer { llm_calls, ..Answer::default() })
    }
}

impl Rule {
    /// Fails if a body breaks the rule.
    fn judge(&self, body: &[u8], redactor: &Redactor) -> Result<(), Failure> {
        let broken = |what: String| Err(Failure::new(FailureKind::RuleBroken, what));
        if let Some(pointer) = &self.spec.pointer {
            if has_too_many_values(body) {
                return broken(format!("the answer has more than {MOST_VALUES} values"));
            }
            let Ok(document) = serde_json::from_slice::<Value>(body) else {
                return broken(format!("the answer is not JSON: {}", quoted(body, redactor)));
            };
            match (document.pointer(pointer), &self.spec.equals) {
                (None, _) => {
                    return broken(format!(
                        "nothing at {pointer} in the answer: {}",
                        quoted(body, redactor)
                    ));
                }
                (Some(found), Some(expected)) if found != expected => {
                    let found = found.to_string();
                    let found = quoted(found.as_bytes(), redactor);
                    return broken(format!("{found} at {pointer} instead of {expected}"));
                }
                _ => {}
            }
        }
        if let Some(regex) = &self.regex
            && !regex.is_match(&String::from_utf8_lossy(body))
        {
            return broken(format!(
                "`{regex}` is not found in the answer: {}",
                quoted(body, redactor)
            ));
        }
        Ok(())
    }
}

/// Start of a body, cleared of secrets before it is cut.
fn quoted(body: &[u8], redactor: &Redactor) -> String {
    const LOOKED_AT: usize = 4 << 10;
    const QUOTED: usize = 120;
    let mut text = redactor.bytes(body.get(..LOOKED_AT).unwrap_or(body));
    text.truncate(text.floor_char_boundary(QUOTED));
    text
}

/// Splits headers into those that are the same for all items and those that are templates.
fn partition(headers: &Headers) -> (Headers, Vec<(&String, &Secret)>) {
    let (templated, fixed): (Vec<_>, Vec<_>) =
        headers.iter().partition(|(_, value)| value.public().contains("{{"));
    (fixed.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect(), templated)
}

impl Workflow for Http {
    fn check(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(self.endpoint.check(&self.root))
    }

    fn run<'a>(&'a self, item: &'a Item, clock: Clock) -> BoxFuture<'a, Run> {
        // Built before the clock is read, since building the request is not the server's time.
        let mut request = self.request(item);
        let Some(proxy) = &self.proxy else {
            let exchange = move |start, notes| self.exchange(request, start, clock, notes);
            return Box::pin(self.endpoint.record_as_call(item, clock, exchange));
        };
        Box::pin(proxy.watch(&item.id, clock, move |known_by| {
            if let Ok((_, headers, _)) = &mut request {
                headers.extend(known_by);
            }
            let exchange = move |start, notes| self.exchange(request, start, clock, notes);
            self.endpoint.record(item, clock, exchange)
        }))
    }
}
