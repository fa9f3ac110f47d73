//! How an HTTP workflow is reached.

use crate::spec::{Address, Seconds};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How a server is reached, and what happens when a request fails.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionSpec {
    /// The version of HTTP.
    pub protocol: HttpProtocol,
    /// Whether connections are kept for further requests; without it each request makes its own.
    pub reuse: bool,
    /// Longest time in which a connection may be made.
    pub connect_timeout: Option<Seconds>,
    /// Longest time from the request until the answer begins.
    pub first_byte_timeout: Option<Seconds>,
    /// A file of certificates (PEM) that are trusted besides the system's own.
    pub ca: Option<PathBuf>,
    /// Accept any certificate at all.
    pub insecure: bool,
    /// A proxy for all requests, such as `http://proxy:3128`; without it the environment's own
    /// (`HTTPS_PROXY`, `NO_PROXY`, …).
    pub proxy: Option<Address>,
    /// Connect to this socket of this machine, whatever the address says.
    pub unix_socket: Option<PathBuf>,
    /// How often a request that failed is tried again: where no connection could be made, or the
    /// server answered 429, 502, 503 or 504. The run's time includes it.
    pub retries: u32,
    /// Pause before the first of them, doubled before each further one; `Retry-After` goes first.
    pub backoff: Seconds,
}

/// The versions of HTTP.
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
