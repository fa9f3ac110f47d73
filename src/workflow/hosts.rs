//! Host check of loopback servers.

use hyper::header::{HOST, HeaderMap};
use std::net::SocketAddr;

/// Returns true if the request names exactly one host and that host is this server. Pages in a browser can
/// send requests to any port, but not with this host.
pub(super) fn is_asked_for(address: SocketAddr, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (host, other) = (hosts.next(), hosts.next());
    let host = host.and_then(|host| host.to_str().ok());
    other.is_none() && host.is_some_and(|host| is_named(address, host))
}

/// Returns true if a host with port names a server of this machine at this address.
pub(super) fn is_named(address: SocketAddr, host: &str) -> bool {
    let ours = [address.to_string(), format!("localhost:{}", address.port())];
    ours.iter().any(|it| it.eq_ignore_ascii_case(host))
}
