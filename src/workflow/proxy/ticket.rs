//! Which runs may call, and what was seen of each.

use super::Shared;
use crate::measure::{LlmCall, Run};
use crate::workflow::Clock;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use uuid::Uuid;

/// What the proxy needs to see the end of an answer whose last byte the workflow has: far longer
/// than that takes, and short for a call that nobody waits for.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// The tokens that were given out, for runs that are not over.
#[derive(Default)]
pub(super) struct Tickets(Mutex<HashMap<Uuid, Arc<OpenRun>>>);

/// A run under way.
pub(super) struct OpenRun {
    pub id: String,
    pub clock: Clock,
    seen: Mutex<Seen>,
    changed: Notify,
}

#[derive(Default)]
struct Seen {
    calls: Vec<LlmCall>,
    failed: u32,
    in_flight: u32,
}

impl Tickets {
    /// The run that a token belongs to: 32 hexadecimal digits.
    pub fn find(&self, token: &str) -> Option<Arc<OpenRun>> {
        if token.len() != 32 {
            return None;
        }
        let token = Uuid::try_parse(token).ok()?;
        lock(&self.0).get(&token).cloned()
    }
}

impl OpenRun {
    pub fn begin(&self) {
        lock(&self.seen).in_flight += 1;
    }

    /// Notes a call that is over; `None` where it failed.
    pub fn end(&self, call: Option<LlmCall>) {
        let mut seen = lock(&self.seen);
        seen.in_flight = seen.in_flight.saturating_sub(1);
        match call {
            Some(call) => seen.calls.push(call),
            None => seen.failed = seen.failed.saturating_add(1),
        }
        drop(seen);
        self.changed.notify_one();
    }

    fn is_quiet(&self) -> bool {
        lock(&self.seen).in_flight == 0
    }
}

/// A run's right to call; it ends when this is dropped.
pub(in crate::workflow) struct Ticket {
    shared: Arc<Shared>,
    token: Uuid,
    run: Arc<OpenRun>,
}

impl Ticket {
    pub(super) fn new(shared: Arc<Shared>, id: &str, clock: Clock) -> Self {
        let run =
            OpenRun { id: id.to_owned(), clock, seen: Mutex::default(), changed: Notify::new() };
        let (token, run) = (Uuid::new_v4(), Arc::new(run));
        lock(&shared.tickets.0).insert(token, Arc::clone(&run));
        Self { shared, token, run }
    }

    fn text(&self) -> String {
        self.token.simple().to_string()
    }

    /// Headers by which the proxy knows the run when a service passes one of them on.
    pub fn headers(&self) -> [(&'static str, String); 2] {
        let token = self.text();
        // W3C Trace Context: version, trace, parent, sampled.
        let (_, parent) = token.split_at(token.len() / 2);
        let traceparent = format!("00-{token}-{parent}-01");
        [("traceparent", traceparent), ("x-sizer-run", token)]
    }

    /// Variables for a program that is this run.
    pub fn variables(&self) -> Vec<(String, String)> {
        let token = self.text();
        let mut variables = self.shared.variables(&token);
        let [(_, traceparent), (_, run)] = self.headers();
        variables.push(("TRACEPARENT".to_owned(), traceparent));
        variables.push(("SIZER_RUN".to_owned(), run));
        variables
    }

    /// The same for a worker's line of JSON.
    pub fn to_json(&self) -> Map<String, Value> {
        let token = self.text();
        let urls = self.shared.upstreams.iter();
        let urls: Map<String, Value> = urls
            .map(|(name, upstream)| (name.clone(), self.shared.base_url(&token, upstream).into()))
            .collect();
        let headers = self.headers().map(|(name, value)| (name.to_owned(), Value::from(value)));
        // There is no proxy without a server behind it.
        let first = urls.values().next().map_or(Value::Null, Value::clone);
        Map::from_iter([
            ("base_url".to_owned(), first),
            ("base_urls".to_owned(), urls.into()),
            ("headers".to_owned(), Value::Object(Map::from_iter(headers))),
        ])
    }

    /// The run with the calls that were seen. What is still in flight a moment later has failed.
    pub async fn finish(self, mut run: Run) -> Run {
        let quiet = async {
            while !self.run.is_quiet() {
                self.run.changed.notified().await;
            }
        };
        let _ = tokio::time::timeout(LAST_WORDS, quiet).await;
        let mut seen = lock(&self.run.seen);
        run.llm_calls = std::mem::take(&mut seen.calls);
        run.llm_calls.sort_by(|a, b| a.start.total_cmp(&b.start));
        run.failed_calls = seen.failed.saturating_add(seen.in_flight);
        drop(seen);
        run
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        lock(&self.shared.tickets.0).remove(&self.token);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
