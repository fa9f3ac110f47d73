//! What the requests to a proxy share.

use super::bodies::Bodies;
use super::open_runs::Tickets;
use crate::redact::Redactor;
use crate::workflow::transport::Endpoint;
use indexmap::IndexMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// Clients refuse to begin without a key, which the proxy may have in their place.
const KEY: &str = "OPENAI_API_KEY";

/// One LLM server behind the proxy.
pub(super) struct Upstream {
    pub name: String,
    pub endpoint: Arc<Endpoint>,
    /// The path of its base address.
    pub path: String,
    /// Its query, which each request gets.
    pub query: Option<String>,
    /// Variables that tell a program where it is.
    pub env: Vec<String>,
    /// Whether the spec has a key for it; otherwise the workflow's own is passed on.
    pub has_key: bool,
}

/// What all requests share.
pub(super) struct Shared {
    pub address: SocketAddr,
    pub upstreams: IndexMap<String, Upstream>,
    pub tickets: Tickets,
    pub bodies: Option<Bodies>,
    pub redactor: Redactor,
}

impl Shared {
    /// The address of a server behind the proxy.
    pub fn base_url(&self, token: &str, upstream: &Upstream) -> String {
        let Self { address, .. } = self;
        let Upstream { name, path, .. } = upstream;
        let token = if token.is_empty() { String::new() } else { format!("/{token}") };
        format!("http://{address}{token}/{name}{path}")
    }

    /// Variables that tell a program of all servers.
    pub fn variables(&self, token: &str) -> Vec<(String, String)> {
        let each = self.upstreams.values().flat_map(|upstream| {
            let url = self.base_url(token, upstream);
            upstream.env.iter().map(move |name| (name.clone(), url.clone()))
        });
        let key = std::env::var_os(KEY).is_none().then(|| (KEY.to_owned(), "sizer".to_owned()));
        each.chain(key).collect()
    }
}
