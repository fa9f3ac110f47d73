//! What a run is handed, so that the proxy knows its calls.

use super::open_runs::OpenRun;
use super::shared::Shared;
use crate::measure::Run;
use crate::workflow::Clock;
use serde_json::{Map, Value};
use std::sync::Arc;
use uuid::Uuid;

/// A run's right to call; it ends when this is dropped.
pub(in crate::workflow) struct Ticket {
    shared: Arc<Shared>,
    token: Uuid,
    run: Arc<OpenRun>,
}

impl Ticket {
    pub(super) fn new(shared: Arc<Shared>, id: &str, clock: Clock) -> Self {
        let (token, run) = shared.tickets.open(id, clock);
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
        self.run.end_in(&mut run).await;
        run
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shared.tickets.close(&self.token);
    }
}
