//! Connections: name lookup, proxies, TLS and Unix sockets.

use super::tls;
use crate::language::Vault;
use crate::workflow::{ConnectError, ConnectionSpec, HttpProtocol};
use hyper::Uri;
use hyper::header::HeaderValue;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tower_service::Service;

/// Connected stream of any kind.
pub(super) type Stream = TokioIo<Box<dyn IoStream>>;

/// Stream that can be read and written.
pub(super) trait IoStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> IoStream for T {}

/// Reason why no connection could be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoConnection {
    #[error("no such name: {0}")]
    Name(#[source] io::Error),
    #[error("{0}")]
    Refused(#[source] io::Error),
    #[error("no connection within {} s", .0.as_secs_f64())]
    Late(Duration),
    #[error("TLS: {0}")]
    Tls(#[source] io::Error),
    #[error("the proxy {proxy}: {what}")]
    Proxy { proxy: String, what: String },
}

/// Connector to one server.
pub(super) struct Connector {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    proxy: Option<Intercept>,
    unix_socket: Option<PathBuf>,
    timeout: Option<Duration>,
    target: Uri,
    names: Arc<Names>,
}

/// Returns true for a host that is this machine.
fn is_loopback(host: &str) -> bool {
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    host.eq_ignore_ascii_case("localhost") || address.is_some_and(|it| it.is_loopback())
}

impl Connector {
    /// Creates a connector to the server of `base`.
    pub fn new(
        base: &Uri,
        spec: &ConnectionSpec,
        base_dir: &Path,
        vault: &Vault<'_>,
    ) -> Result<Self, ConnectError> {
        let https = base.scheme_str() == Some("https");
        let host = host_of(base).ok_or_else(no_host)?.to_owned();
        let port = base.port_u16().unwrap_or(if https { 443 } else { 80 });
        let tls = if https {
            let protocol: &[u8] = match spec.protocol {
                HttpProtocol::Http1 => b"http/1.1",
                HttpProtocol::Http2 => b"h2",
            };
            let ca = spec.ca.as_ref().map(|path| base_dir.join(path));
            let config = tls::config(ca.as_deref(), spec.insecure, protocol)?;
            let name = ServerName::try_from(host.clone());
            let name = name.map_err(|error| ConnectError::Client(format!("{host}: {error}")))?;
            Some((TlsConnector::from(Arc::new(config)), name))
        } else {
            None
        };
        let matcher = match &spec.proxy {
            Some(proxy) => Matcher::builder().all(proxy.reveal(vault)?.to_string()).build(),
            None => Matcher::from_env(),
        };
        // No proxy of the environment leads to this machine, whose servers are often sizer's own.
        let is_direct = spec.unix_socket.is_some() || spec.proxy.is_none() && is_loopback(&host);
        let proxy = matcher.intercept(base).filter(|_| !is_direct);
        // Proxies from the environment have passwords too.
        let auth = proxy.as_ref().and_then(|proxy| proxy.basic_auth()?.to_str().ok());
        if let Some(auth) = auth {
            vault.redactor().add(auth);
        }
        if let Some(proxy) = proxy.as_ref().filter(|it| it.uri().scheme_str() != Some("http")) {
            let scheme = proxy.uri().scheme_str().unwrap_or("(no scheme)");
            return Err(ConnectError::Client(format!(
                "a proxy must be given with http://, not {scheme}://"
            )));
        }
        Ok(Self {
            host,
            port,
            tls,
            proxy,
            unix_socket: spec.unix_socket.as_ref().map(|path| base_dir.join(path)),
            timeout: spec.connect_timeout.map(crate::language::Seconds::to_std),
            target: base.clone(),
            names: Arc::default(),
        })
    }

    /// Returns the plain HTTP proxy that receives the requests with their absolute addresses; `None` if
    /// requests go to the server, possibly through a tunnel.
    fn asked_proxy(&self) -> Option<&Intercept> {
        self.proxy.as_ref().filter(|_| self.tls.is_none())
    }

    /// Returns true if requests carry their absolute address.
    pub fn asks_a_proxy(&self) -> bool {
        self.asked_proxy().is_some()
    }

    /// Credentials for the proxy, if it needs any.
    pub fn proxy_authorization(&self) -> Option<&HeaderValue> {
        self.asked_proxy()?.basic_auth()
    }

    /// Describes the destination of connections and the way there.
    pub fn way(&self) -> String {
        match (&self.unix_socket, &self.proxy) {
            (Some(path), _) => path.display().to_string(),
            (None, Some(proxy)) => {
                format!("{}:{} through {}", self.host, self.port, shown(proxy.uri()))
            }
            (None, None) => format!("{}:{}", self.host, self.port),
        }
    }

    /// Connects within the time allowed.
    pub async fn connect(&self) -> Result<Stream, NoConnection> {
        match self.timeout {
            None => self.connected().await,
            Some(timeout) => tokio::time::timeout(timeout, self.connected())
                .await
                .unwrap_or(Err(NoConnection::Late(timeout))),
        }
    }

    async fn connected(&self) -> Result<Stream, NoConnection> {
        let stream: Box<dyn IoStream> = match (&self.unix_socket, &self.proxy) {
            (Some(path), _) => {
                Box::new(UnixStream::connect(path).await.map_err(NoConnection::Refused)?)
            }
            (None, Some(proxy)) if self.tls.is_some() => self.tunnel(proxy).await?,
            (None, Some(proxy)) => Box::new(to_proxy(&self.names, proxy.uri()).await?),
            (None, None) => Box::new(self.names.connect(&self.host, self.port).await?),
        };
        let Some((connector, name)) = &self.tls else { return Ok(TokioIo::new(stream)) };
        let stream = connector.connect(name.clone(), stream).await.map_err(NoConnection::Tls)?;
        Ok(TokioIo::new(Box::new(stream)))
    }

    async fn tunnel(&self, proxy: &Intercept) -> Result<Box<dyn IoStream>, NoConnection> {
        let mut tunnel = Tunnel::new(proxy.uri().clone(), ProxyConnector(Arc::clone(&self.names)));
        if let Some(auth) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(auth.clone());
        }
        let stream = tunnel.call(self.target.clone()).await;
        let stream = stream.map_err(|error| NoConnection::Proxy {
            proxy: shown(proxy.uri()),
            what: error.to_string(),
        })?;
        Ok(Box::new(stream.into_inner()))
    }
}

/// Host of an address, without the brackets of IPv6.
fn host_of(address: &Uri) -> Option<&str> {
    address.host().map(|host| host.trim_matches(['[', ']'])).filter(|host| !host.is_empty())
}

fn no_host() -> ConnectError {
    ConnectError::Client("its address names no host".to_owned())
}

/// Address of a proxy without its credentials.
fn shown(proxy: &Uri) -> String {
    format!("{}:{}", proxy.host().unwrap_or("(no host)"), proxy.port_u16().unwrap_or(80))
}

async fn to_proxy(names: &Names, proxy: &Uri) -> Result<TcpStream, NoConnection> {
    let Some(host) = host_of(proxy) else {
        return Err(NoConnection::Proxy { proxy: shown(proxy), what: no_host().to_string() });
    };
    let stream = names.connect(host, proxy.port_u16().unwrap_or(80)).await;
    stream.map_err(|error| NoConnection::Proxy { proxy: shown(proxy), what: error.to_string() })
}

/// Connector to a proxy, for a tunnel through it.
struct ProxyConnector(Arc<Names>);

impl Service<Uri> for ProxyConnector {
    type Response = TokioIo<TcpStream>;
    type Error = NoConnection;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, NoConnection>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NoConnection>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, proxy: Uri) -> Self::Future {
        let names = Arc::clone(&self.0);
        Box::pin(async move { to_proxy(&names, &proxy).await.map(TokioIo::new) })
    }
}

/// Addresses of a name, looked up once for the many connections of a level.
#[derive(Default)]
struct Names {
    known: tokio::sync::Mutex<Option<(Instant, Vec<SocketAddr>)>>,
}

impl Names {
    const FRESH: Duration = Duration::from_secs(30);

    async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, NoConnection> {
        let addresses = self.addresses(host, port).await?;
        let mut refused = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for (tried, address) in addresses.into_iter().enumerate() {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // Without this, a small request would wait until the last one has been acknowledged.
                    stream.set_nodelay(true).map_err(NoConnection::Refused)?;
                    if tried > 0 {
                        self.prefer(address).await;
                    }
                    return Ok(stream);
                }
                Err(error) => refused = error,
            }
        }
        // The server may have moved, so the name is looked up again next time.
        *self.known.lock().await = None;
        Err(NoConnection::Refused(refused))
    }

    async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, NoConnection> {
        let mut known = self.known.lock().await;
        if let Some((_, addresses)) = known.as_ref().filter(|(at, _)| at.elapsed() < Self::FRESH) {
            return Ok(addresses.clone());
        }
        let found = tokio::net::lookup_host((host, port)).await.map_err(NoConnection::Name)?;
        let found: Vec<SocketAddr> = found.collect();
        *known = Some((Instant::now(), found.clone()));
        Ok(found)
    }

    /// Makes the next connection try this address first.
    async fn prefer(&self, address: SocketAddr) {
        if let Some((_, addresses)) = self.known.lock().await.as_mut() {
            addresses.sort_by_key(|known| *known != address);
        }
    }
}
