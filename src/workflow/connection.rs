//! Connection options of HTTP workflows.

use crate::language::{Address, Check, Checker, Seconds};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Connection to a server, and the treatment of failed requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionSpec {
    /// Version of HTTP.
    pub protocol: HttpProtocol,
    /// Keep connections for further requests; without it, each request opens its own.
    pub reuse: bool,
    /// Longest time for opening a connection.
    pub connect_timeout: Option<Seconds>,
    /// Longest time from the request to the beginning of the answer.
    pub first_byte_timeout: Option<Seconds>,
    /// File of certificates (PEM) that are trusted besides the system's own.
    pub ca: Option<PathBuf>,
    /// Accept any certificate at all.
    pub insecure: bool,
    /// Proxy for all requests, such as `http://proxy:3128`; by default, that of the environment
    /// (`HTTPS_PROXY`, `NO_PROXY`, …).
    pub proxy: Option<Address>,
    /// Unix socket of this machine to connect to, whatever the address says.
    pub unix_socket: Option<PathBuf>,
    /// Number of times that a failed request is retried: if no connection could be made, or the
    /// server answered 429, 502, 503 or 504. The run's time includes it.
    pub retries: u32,
    /// Pause before the first retry, doubled before each further one; `Retry-After` takes
    /// precedence.
    pub backoff: Seconds,
}

/// Versions of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HttpProtocol {
    /// HTTP/1.1: a connection for each run in flight.
    #[default]
    Http1,
    /// HTTP/2: all runs share a connection, as far as the server lets them.
    Http2,
}

impl Default for ConnectionSpec {
    fn default() -> Self {
        const HALF_A_SECOND: Seconds = Seconds::fixed(0.5);
        Self {
            protocol: HttpProtocol::default(),
            reuse: true,
            connect_timeout: None,
            first_byte_timeout: None,
            ca: None,
            insecure: false,
            proxy: None,
            unix_socket: None,
            retries: 0,
            backoff: HALF_A_SECOND,
        }
    }
}

impl ConnectionSpec {
    /// Checks what types cannot express; `at` is its path in the spec.
    pub(super) fn validate(&self, at: &str, checker: &Checker<'_>) -> Check {
        let at = |key: &str| format!("{at}.{key}");
        if let Some(proxy) = &self.proxy {
            checker.address(&at("proxy"), proxy.public())?;
        }
        checker.ensure(
            self.proxy.is_none() || self.unix_socket.is_none(),
            &at("proxy"),
            "a Unix socket is reached without a proxy",
            "keep `proxy` or `unix_socket`",
        )?;
        checker.ensure(
            !self.insecure || self.ca.is_none(),
            &at("insecure"),
            "any certificate is accepted, so `ca` changes nothing",
            "keep `ca` or `insecure`",
        )?;
        for (key, limit) in [
            ("connect_timeout", self.connect_timeout),
            ("first_byte_timeout", self.first_byte_timeout),
        ] {
            checker.ensure(
                limit.is_none_or(|limit| limit.get() > 0.0),
                &at(key),
                "a timeout must be above 0 s",
                "leave it out to set no separate limit",
            )?;
        }
        Ok(())
    }
}
