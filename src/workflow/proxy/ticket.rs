//! Ticket of a run, by which the proxy attributes its calls.

use super::open_runs::OpenRun;
use super::shared::SharedState;
use crate::measure::Run;
use crate::workflow::Clock;
use serde_json::{Map, Value};
use std::sync::Arc;
use uuid::Uuid;

/// Right of a run to call, revoked on drop.
pub(in crate::workflow) struct Ticket {
    shared: Arc<SharedState>,
    token: Uuid,
    run: Arc<OpenRun>,
}

impl Ticket {
    pub(super) fn new(shared: Arc<SharedState>, id: &str, clock: Clock) -> Self {
        let (token, run) = shared.tickets.open(id, clock);
        Self { shared, token, run }
    }

    fn text(&self) -> String {
        self.token.simple().to_string()
    }

    /// Headers that identify the run, one of which a service has to pass on.
    pub fn headers(&self) -> [(&'static str, String); 2] {
        let token = self.text();
        // W3C Trace Context: version, trace, parent, sampled.
        let (_, parent) = token.split_at(token.len() / 2);
        let traceparent = format!("00-{token}-{parent}-01");
        [("traceparent", traceparent), ("x-sizer-run", token)]
    }

    /// Environment variables for a program that serves this run only.
    pub fn variables(&self) -> Vec<(String, String)> {
        let token = self.text();
        let mut variables = self.shared.variables(&token);
        let [(_, traceparent), (_, run)] = self.headers();
        variables.push(("TRACEPARENT".to_owned(), traceparent));
        variables.push(("SIZER_RUN".to_owned(), run));
        variables
    }

    /// The same information for a worker's line of JSON.
    pub fn to_json(&self) -> Map<String, Value> {
        let token = self.text();
        let urls = self.shared.upstreams.iter();
        let urls: Map<String, Value> = urls
            .map(|(name, upstream)| (name.clone(), self.shared.base_url(&token, upstream).into()))
            .collect();
        let headers = self.headers().map(|(name, value)| (name.to_owned(), Value::from(value)));
        // A proxy always has at least one server behind it.
        let first = urls.values().next().map_or(Value::Null, Value::clone);
        Map::from_iter([
            ("base_url".to_owned(), first),
            ("base_urls".to_owned(), urls.into()),
            ("headers".to_owned(), Value::Object(Map::from_iter(headers))),
        ])
    }

    /// Attaches the recorded calls to the run. A call still in flight shortly afterwards counts as failed.
    pub async fn finish(self, mut run: Run) -> Run {
        self.run.end_in(&mut run).await;
        run
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shared.tickets.close(&self.token);
    }
}
