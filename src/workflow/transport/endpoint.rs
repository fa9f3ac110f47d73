//! Server to send requests to: its address, and what goes with each request.

use super::connect::Connector;
use super::connection::{Connections, OutgoingRequest, SendError};
use super::failure;
use crate::language::{Address, Seconds, Secret, Vault};
use crate::measure::Failure;
use crate::redact::{Redactor, names_a_secret_variable, redact};
use crate::workflow::{ConnectError, ConnectionSpec, Headers, HttpProtocol, redacted};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue,
    PROXY_AUTHORIZATION, USER_AGENT,
};
use hyper::{Method, Request, Uri};
use percent_encoding::percent_decode_str;
use reqwest::Url;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Server to send requests to, with everything a request needs.
pub(in crate::workflow) struct Endpoint {
    pub(super) connections: Arc<Connections>,
    base: Url,
    headers: HeaderMap,
    pub(super) redactor: Redactor,
    pub(super) timeout: Duration,
    pub(super) first_byte_timeout: Option<Duration>,
    pub(super) retries: u32,
    pub(super) backoff: Duration,
}

/// Settings of a spec for reaching a server.
pub(in crate::workflow) struct Access<'a> {
    pub address: &'a Address,
    pub api_key: Option<&'a Secret>,
    pub headers: &'a Headers,
    pub timeout: Seconds,
    pub connection: &'a ConnectionSpec,
    /// Folder that relative paths are relative to.
    pub base_dir: &'a Path,
}

/// Destination of a request, in the form that the recipient (server or proxy) expects.
#[derive(Clone, Debug)]
pub(in crate::workflow) struct Target(Uri);

impl Target {
    /// Path without the query.
    pub(super) fn path(&self) -> &str {
        self.0.path()
    }
}

impl Endpoint {
    pub fn new(access: &Access<'_>, vault: &Vault<'_>) -> Result<Self, ConnectError> {
        let Access { address, api_key, headers, timeout, connection, base_dir } = access;
        let redactor = vault.redactor().clone();
        let mut base = address.reveal(vault)?;
        let wrong =
            || ConnectError::Client(format!("`{}` is not an address", redact(address.public())));
        let uri: Uri = origin(&base).parse().map_err(|_| wrong())?;
        let mut map = HeaderMap::new();
        map.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("sizer/", env!("CARGO_PKG_VERSION"))),
        );
        // A compressed answer arrives in other pieces than the server produced.
        map.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(authority) = uri.authority() {
            map.insert(HOST, plain("host", authority.as_str())?);
        }
        if !base.username().is_empty() || base.password().is_some() {
            let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
            let (user, password) =
                (decoded(base.username()), decoded(base.password().unwrap_or("")));
            let basic = BASE64_STANDARD.encode(format!("{user}:{password}"));
            map.insert(AUTHORIZATION, sensitive("base_url", &format!("Basic {basic}"))?);
            redactor.add_pair(&user, &password);
            let _ = (base.set_username(""), base.set_password(None));
        }
        let referred = base.query_pairs().filter(|(_, it)| !address.public().contains(it.as_ref()));
        referred.for_each(|(_, value)| redactor.add(&value));
        if let Some(key) = api_key {
            let key = key.reveal(vault)?;
            map.insert(AUTHORIZATION, sensitive("api_key", &format!("Bearer {key}"))?);
            redactor.add(&key);
        }
        for (name, value) in *headers {
            let parsed = HeaderName::try_from(name.as_str());
            let parsed = parsed
                .map_err(|_| ConnectError::Client(format!("`{name}` is not a header name")))?;
            let revealed = value.reveal(vault)?;
            map.insert(parsed, sensitive(name, &revealed)?);
            if value.is_reference() && names_a_secret_variable(name) {
                redactor.learn(&revealed);
            }
        }
        let connector = Connector::new(&uri, connection, base_dir, vault)?;
        if let Some(auth) = connector.proxy_authorization() {
            map.insert(PROXY_AUTHORIZATION, auth.clone());
        }
        if connection.protocol == HttpProtocol::Http1 && !connection.reuse {
            map.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(Self {
            connections: Arc::new(Connections::new(
                connector,
                connection.protocol,
                connection.reuse,
            )),
            base,
            headers: map,
            redactor,
            timeout: timeout.to_std(),
            first_byte_timeout: connection.first_byte_timeout.map(Seconds::to_std),
            retries: connection.retries,
            backoff: connection.backoff.to_std(),
        })
    }

    /// Target below the base address, with the base's query.
    pub fn target(&self, below: &str) -> Result<Target, ConnectError> {
        let query = self.base.query().map_or_else(String::new, |query| format!("?{query}"));
        self.exact_target(&format!("{}{below}{query}", self.base.path().trim_end_matches('/')))
    }

    /// Target of a complete path and query.
    pub fn exact_target(&self, path_and_query: &str) -> Result<Target, ConnectError> {
        let whole = match self.connections.protocol() {
            HttpProtocol::Http1 if !self.connections.connector().asks_a_proxy() => {
                path_and_query.to_owned()
            }
            _ => format!("{}{path_and_query}", origin(&self.base).trim_end_matches('/')),
        };
        let uri = whole.parse().map_err(|_| {
            ConnectError::Client(format!("`{}` is not a path", redact(path_and_query)))
        })?;
        Ok(Target(uri))
    }

    /// Builds a request with the headers that all requests share.
    pub(super) fn request(
        &self,
        method: &Method,
        target: &Target,
        headers: &HeaderMap,
        body: Bytes,
    ) -> OutgoingRequest {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method.clone();
        *request.uri_mut() = target.0.clone();
        let all = request.headers_mut();
        all.clone_from(&self.headers);
        // HTTP/2 has a pseudo-header for it.
        if self.connections.protocol() == HttpProtocol::Http2 {
            all.remove(HOST);
        }
        for (name, value) in headers {
            all.insert(name.clone(), value.clone());
        }
        request
    }

    /// Host and port of the server.
    pub(super) fn at(&self) -> String {
        let host = self.base.host_str().unwrap_or("?");
        self.base
            .port_or_known_default()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Converts an error to a failure that may be recorded.
    pub(super) fn failure(&self, error: &SendError) -> Failure {
        let at = self.at();
        redacted::failure(&self.redactor, failure::of(error, &at))
    }

    /// Redactor that knows the secrets used with the server.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }
}

/// Scheme, host and port of an address.
fn origin(url: &Url) -> String {
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    // An address without a host is not valid, and is rejected as such.
    format!("{}://{}{port}/", url.scheme(), url.host_str().unwrap_or(""))
}

fn plain(name: &str, value: &str) -> Result<HeaderValue, ConnectError> {
    let wrong = |_| ConnectError::Client(format!("the value of {name} cannot be sent in a header"));
    HeaderValue::try_from(value).map_err(wrong)
}

fn sensitive(name: &str, value: &str) -> Result<HeaderValue, ConnectError> {
    let mut value = plain(name, value)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Splits an address into the server, and the path with query.
pub(in crate::workflow) fn split_url(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(host..).and_then(|rest| rest.find(['/', '?'])).map(|at| host + at);
    match end {
        None => (url, "/"),
        Some(end) => url.split_at(end),
    }
}
