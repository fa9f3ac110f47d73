//! State shared by all requests to a proxy.

use super::bodies::Bodies;
use super::open_runs::Tickets;
use crate::redact::Redactor;
use crate::workflow::transport::Endpoint;
use indexmap::IndexMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// Variable for the API key. Clients refuse to start without one, which the proxy may hold in their place.
const KEY: &str = "OPENAI_API_KEY";

/// LLM server behind the proxy.
pub(super) struct Upstream {
    pub name: String,
    pub endpoint: Arc<Endpoint>,
    /// Path of its base address.
    pub path: String,
    /// Query of its base address, added to each request.
    pub query: Option<String>,
    /// Environment variables that tell a program its address.
    pub env: Vec<String>,
    /// True if the spec has a key for it; otherwise the workflow's own key is passed on.
    pub has_key: bool,
}

/// State shared by all requests.
pub(super) struct SharedState {
    pub address: SocketAddr,
    pub upstreams: IndexMap<String, Upstream>,
    pub tickets: Tickets,
    pub bodies: Option<Bodies>,
    pub redactor: Redactor,
}

impl SharedState {
    /// Base URL of a server behind the proxy.
    pub fn base_url(&self, token: &str, upstream: &Upstream) -> String {
        let Self { address, .. } = self;
        let Upstream { name, path, .. } = upstream;
        let token = if token.is_empty() { String::new() } else { format!("/{token}") };
        format!("http://{address}{token}/{name}{path}")
    }

    /// Environment variables that tell a program the addresses of all servers.
    pub fn variables(&self, token: &str) -> Vec<(String, String)> {
        let each = self.upstreams.values().flat_map(|upstream| {
            let url = self.base_url(token, upstream);
            upstream.env.iter().map(move |name| (name.clone(), url.clone()))
        });
        let key = std::env::var_os(KEY).is_none().then(|| (KEY.to_owned(), "sizer".to_owned()));
        each.chain(key).collect()
    }
}
