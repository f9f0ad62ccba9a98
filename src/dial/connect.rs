//! Connects to a URI: resolves the name, checks the address, opens a TCP or Unix socket, and starts TLS.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::DialError;
use super::address::{bare, literal};
use super::network::Network;
use super::plumbing::Stream;
use super::proxy::{Kind, Proxy, ProxyError};
use super::tls::{TlsError, TlsSetupError};
use super::tunnel::{ProxyProblem, through_http, through_socks};

/// Time limit for resolving, TCP and TLS together, for any number of addresses.
pub(super) const CONNECT: Duration = Duration::from_secs(5);
/// The same for a connection through a proxy, which connects to the target in turn.
const THROUGH_PROXY: Duration = Duration::from_secs(15);
/// Minimum time for each of several addresses.
const SHARE: Duration = Duration::from_secs(1);
/// Host name that represents a Unix socket in the client's pool; the path precedes it in hexadecimal.
const SOCKET_HOST: &str = ".socket.invalid";

/// Connects as the network's settings say.
#[derive(Clone)]
pub(super) struct Connector {
    network: Network,
}

/// Why connecting failed. Passed through the client's own error type.
#[derive(Debug)]
pub(super) enum ConnectFailure {
    Name(String, io::Error),
    Refused(io::Error),
    Forbidden(IpAddr, &'static str),
    Tls(TlsError),
    Timeout(Duration),
    BadTarget(String),
    BadProxy(ProxyError),
    Proxy(Box<Proxy>, ProxyProblem),
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_dial_error("the target"))
    }
}

impl Error for ConnectFailure {}

impl ConnectFailure {
    pub(super) fn as_dial_error(&self, peer: &str) -> DialError {
        let peer = peer.to_owned();
        match self {
            Self::Name(host, error) => DialError::Name {
                host: host.clone(),
                source: copy_error(error),
            },
            Self::Refused(error) => DialError::Refused {
                peer,
                source: copy_error(error),
            },
            Self::Forbidden(address, reason) => DialError::Forbidden {
                address: *address,
                reason,
            },
            Self::Tls(error) => DialError::Tls {
                peer,
                source: Box::new(error.clone()),
            },
            Self::Timeout(limit) => DialError::Timeout {
                peer,
                limit: *limit,
            },
            Self::BadTarget(url) => DialError::BadTarget { url: url.clone() },
            Self::BadProxy(error) => DialError::BadProxy(error.clone()),
            Self::Proxy(proxy, problem) => DialError::proxy(proxy, problem.clone(), peer),
        }
    }

    /// The same failure of the connection to a proxy.
    fn at(self, proxy: &Proxy) -> Self {
        let problem = match self {
            Self::Name(_, error) => ProxyProblem::Name(Arc::new(error)),
            Self::Refused(error) => ProxyProblem::Unreachable(Arc::new(error)),
            Self::Forbidden(address, reason) => ProxyProblem::Forbidden { address, reason },
            Self::Tls(error) => ProxyProblem::Tls(error),
            Self::Timeout(_) => ProxyProblem::Unreachable(Arc::new(io::ErrorKind::TimedOut.into())),
            other => return other,
        };
        Self::Proxy(Box::new(proxy.clone()), problem)
    }
}

/// Copies an error, because the client keeps the original.
fn copy_error(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

/// Host and port of a target that is not a Unix socket.
struct Place<'a> {
    secure: bool,
    host: &'a str,
    port: u16,
}

impl<'a> Place<'a> {
    fn of(uri: &'a Uri) -> Option<Self> {
        let secure = matches!(uri.scheme_str(), Some("https" | "wss"));
        Some(Self {
            secure,
            host: uri.host()?,
            port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
        })
    }
}

impl Connector {
    pub(super) fn new(network: Network) -> Self {
        Self { network }
    }

    /// Connects without TLS and closes the connection, to check whether something listens there.
    pub(super) async fn probe(&self, uri: Uri) -> Result<(), ConnectFailure> {
        let bad_target = || ConnectFailure::BadTarget(uri.to_string());
        let place = Place::of(&uri).ok_or_else(bad_target)?;
        if socket_path(place.host).is_some() || self.proxy(&place)?.is_some() {
            return self.connect_in_time(&uri, false).await.map(drop);
        }
        let connecting = self.connect_tcp(place.host, place.port);
        tokio::time::timeout(CONNECT, connecting)
            .await
            .unwrap_or(Err(ConnectFailure::Timeout(CONNECT)))
            .map(drop)
    }

    /// The proxy that gets plain HTTP requests to a target with their whole URL; `None` if the connection is direct or a tunnel.
    pub(super) fn forwarding_proxy(&self, uri: &Uri) -> Option<&Proxy> {
        if self.network.proxies().is_empty() {
            return None;
        }
        let place = Place::of(uri).filter(|place| !place.secure && !is_socket(place.host))?;
        let proxy = self.proxy(&place).ok()??;
        proxy.forwards_plain().then_some(proxy)
    }

    fn proxy(&self, place: &Place<'_>) -> Result<Option<&Proxy>, ConnectFailure> {
        let proxies = self.network.proxies();
        if proxies.is_empty() {
            return Ok(None);
        }
        proxies
            .find(place.secure, place.host, place.port)
            .map_err(|error| ConnectFailure::BadProxy(error.clone()))
    }

    /// [`Self::connect`] within a time limit.
    pub(super) async fn connect_in_time(
        &self,
        uri: &Uri,
        tunnel: bool,
    ) -> Result<Stream, ConnectFailure> {
        let place = Place::of(uri).ok_or_else(|| ConnectFailure::BadTarget(uri.to_string()))?;
        if let Some(path) = socket_path(place.host) {
            return connect_socket(&path).await;
        }
        let proxy = self.proxy(&place)?;
        let limit = match proxy {
            Some(_) => THROUGH_PROXY,
            None => CONNECT,
        };
        tokio::time::timeout(limit, self.connect(&place, proxy, tunnel))
            .await
            .unwrap_or(Err(ConnectFailure::Timeout(limit)))
    }

    /// Connects to a target. With `tunnel` a proxy is asked for a tunnel also for plain HTTP, as WebSockets need it.
    async fn connect(
        &self,
        place: &Place<'_>,
        proxy: Option<&Proxy>,
        tunnel: bool,
    ) -> Result<Stream, ConnectFailure> {
        let stream = match proxy {
            Some(proxy) => self.connect_by(proxy, place, tunnel).await?,
            None => Stream::Tcp(self.connect_tcp(place.host, place.port).await?),
        };
        match place.secure {
            true => self.start_tls(stream, place.host).await,
            false => Ok(stream),
        }
    }

    /// Connects to a server that does not speak HTTP, without a proxy.
    pub(super) async fn connect_directly(
        &self,
        host: &str,
        port: u16,
        secure: bool,
    ) -> Result<Stream, ConnectFailure> {
        let connecting = async {
            let stream = Stream::Tcp(self.connect_tcp(host, port).await?);
            match secure {
                true => self.start_tls(stream, host).await,
                false => Ok(stream),
            }
        };
        tokio::time::timeout(CONNECT, connecting)
            .await
            .unwrap_or(Err(ConnectFailure::Timeout(CONNECT)))
    }

    /// Starts TLS on an open connection.
    pub(super) async fn start_tls_in_time(
        &self,
        stream: Stream,
        host: &str,
    ) -> Result<Stream, ConnectFailure> {
        tokio::time::timeout(CONNECT, self.start_tls(stream, host))
            .await
            .unwrap_or(Err(ConnectFailure::Timeout(CONNECT)))
    }

    /// Connects without TLS and without a proxy.
    pub(super) async fn connect_tcp_in_time(
        &self,
        host: &str,
        port: u16,
    ) -> Result<TcpStream, ConnectFailure> {
        tokio::time::timeout(CONNECT, self.connect_tcp(host, port))
            .await
            .unwrap_or(Err(ConnectFailure::Timeout(CONNECT)))
    }

    /// The settings of TLS.
    pub(super) fn tls(&self) -> Result<Arc<ClientConfig>, TlsSetupError> {
        self.network.tls()
    }

    async fn connect_by(
        &self,
        proxy: &Proxy,
        place: &Place<'_>,
        tunnel: bool,
    ) -> Result<Stream, ConnectFailure> {
        let &Place { secure, host, port } = place;
        let host = bare(host);
        // The proxy resolves names. An address is checked here, in every form that a resolver would accept.
        if let Some(address) = literal(host) {
            self.check(address)?;
        }
        let resolved;
        let host = match proxy.kind {
            Kind::Socks5 => {
                resolved = self.resolve(host, port).await?[0].ip().to_string();
                resolved.as_str()
            }
            _ => host,
        };
        let mut stream = self
            .reach(proxy)
            .await
            .map_err(|failure| failure.at(proxy))?;
        let connected = match proxy.kind {
            Kind::Socks5 | Kind::Socks5h => through_socks(stream, proxy, host, port).await,
            Kind::Http | Kind::Https if secure || tunnel => {
                through_http(stream, proxy, host, port).await
            }
            Kind::Http | Kind::Https => {
                stream = Stream::Forwarded(Box::new(stream));
                Ok(stream)
            }
        };
        connected.map_err(|problem| ConnectFailure::Proxy(Box::new(proxy.clone()), problem))
    }

    /// Connects to the proxy itself.
    async fn reach(&self, proxy: &Proxy) -> Result<Stream, ConnectFailure> {
        let stream = Stream::Tcp(self.connect_tcp(&proxy.host, proxy.port).await?);
        match proxy.kind {
            Kind::Https => self.start_tls(stream, &proxy.host).await,
            _ => Ok(stream),
        }
    }

    async fn start_tls(&self, stream: Stream, host: &str) -> Result<Stream, ConnectFailure> {
        let config = self
            .network
            .tls()
            .map_err(|error| ConnectFailure::Tls(TlsError::Setup(error)))?;
        let host = bare(host);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            ConnectFailure::Tls(TlsError::BadName {
                host: host.to_owned(),
            })
        })?;
        TlsConnector::from(config)
            .connect(name, stream)
            .await
            .map(|stream| Stream::Tls(Box::new(stream)))
            .map_err(|error| ConnectFailure::Tls(TlsError::of(&error)))
    }

    async fn connect_tcp(&self, host: &str, port: u16) -> Result<TcpStream, ConnectFailure> {
        let addresses = self.resolve(host, port).await?;
        let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        connect_first(&addresses, (CONNECT / count).max(SHARE)).await
    }

    /// The addresses of a host, at least one. The addresses that are checked here are the ones that are dialled.
    ///
    /// A name with one forbidden address is refused: the owner of the name chooses which address is tried.
    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectFailure> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let addresses: Vec<SocketAddr> = match host.parse::<IpAddr>() {
            // `3000` is 127.0.0.1:3000, and an app may listen on ::1 only, as Node's servers on `localhost` do.
            Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)) => loopback(port),
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) if host.eq_ignore_ascii_case("localhost") => loopback(port),
            Err(_) => tokio::net::lookup_host((host, port))
                .await
                .map_err(|error| ConnectFailure::Name(host.to_owned(), error))?
                .collect(),
        };
        if addresses.is_empty() {
            let error = io::Error::from(io::ErrorKind::NotFound);
            return Err(ConnectFailure::Name(host.to_owned(), error));
        }
        self.check_all(&addresses)?;
        Ok(addresses)
    }

    fn check_all(&self, addresses: &[SocketAddr]) -> Result<(), ConnectFailure> {
        addresses
            .iter()
            .try_for_each(|address| self.check(address.ip()))
    }

    fn check(&self, address: IpAddr) -> Result<(), ConnectFailure> {
        match self.network.forbidden(address) {
            Some(reason) => Err(ConnectFailure::Forbidden(address, reason)),
            None => Ok(()),
        }
    }
}

/// Connects to the first address that responds within `limit`. An address that drops all packets, as IPv6 addresses
/// do in many networks, must not use up the time of the following ones.
async fn connect_first(
    addresses: &[SocketAddr],
    limit: Duration,
) -> Result<TcpStream, ConnectFailure> {
    let mut failure = ConnectFailure::Timeout(CONNECT);
    let mut refused = Vec::new();
    for &address in addresses {
        match tokio::time::timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => {
                // The first reason: without IPv6, the one of ::1 would only say that there is none.
                if refused.is_empty() {
                    failure = ConnectFailure::Refused(error);
                }
                refused.push(address);
            }
            Err(_) => failure = ConnectFailure::Timeout(CONNECT),
        }
    }
    Err(match failure {
        ConnectFailure::Refused(error) if refused.len() > 1 => {
            ConnectFailure::Refused(with_addresses(&refused, &error))
        }
        failure => failure,
    })
}

/// The addresses of a server on this machine.
fn loopback(port: u16) -> Vec<SocketAddr> {
    vec![
        (Ipv4Addr::LOCALHOST, port).into(),
        (Ipv6Addr::LOCALHOST, port).into(),
    ]
}

/// Names the addresses that failed, because the name of the target may stand for several.
fn with_addresses(addresses: &[SocketAddr], error: &io::Error) -> io::Error {
    let addresses: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
    io::Error::new(
        error.kind(),
        format!("{}: {error}", addresses.join(" and ")),
    )
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = ConnectFailure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let stream = connector.connect_in_time(&uri, false).await?;
            Ok(TokioIo::new(stream))
        })
    }
}

#[cfg(unix)]
async fn connect_socket(path: &Path) -> Result<Stream, ConnectFailure> {
    let stream = tokio::net::UnixStream::connect(path)
        .await
        .map_err(ConnectFailure::Refused)?;
    Ok(Stream::Unix(stream))
}

#[cfg(not(unix))]
async fn connect_socket(_: &Path) -> Result<Stream, ConnectFailure> {
    Err(ConnectFailure::Refused(io::Error::from(
        io::ErrorKind::Unsupported,
    )))
}

/// A URI that represents a Unix socket in the client, whose pool distinguishes peers by authority.
pub(super) fn socket_uri(path: &Path, path_and_query: Option<&str>) -> Uri {
    let hex: String = path
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let path_and_query = path_and_query
        .filter(|text| text.starts_with('/'))
        .unwrap_or("/");
    format!("http://{hex}{SOCKET_HOST}{path_and_query}")
        .parse()
        .unwrap_or_default()
}

/// Returns whether an authority is one of [`socket_uri`]. URLs from users must not contain such a host.
pub(super) fn is_socket_host(authority: &str) -> bool {
    let host = authority.rsplit('@').next().unwrap_or(authority);
    host.split(':')
        .next()
        .unwrap_or(host)
        .to_ascii_lowercase()
        .ends_with(SOCKET_HOST)
}

fn is_socket(host: &str) -> bool {
    host.ends_with(SOCKET_HOST)
}

fn socket_path(host: &str) -> Option<PathBuf> {
    let hex = host.strip_suffix(SOCKET_HOST)?;
    let bytes: Option<Vec<u8>> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
        .collect();
    String::from_utf8(bytes?).ok().map(PathBuf::from)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::{TcpListener, TcpSocket};

    use super::*;
    use crate::dial::AddressPolicy;

    #[test]
    fn a_name_with_one_forbidden_address_is_refused() {
        let connector = Connector::new(Network::direct(AddressPolicy::Local));
        let good = SocketAddr::from((Ipv4Addr::LOCALHOST, 80));
        assert!(connector.check_all(&[good]).is_ok());
        for bad in [
            "169.254.169.254:80",
            "[fd00:ec2::254]:80",
            "100.100.100.200:80",
        ] {
            let bad: SocketAddr = bad.parse().unwrap();
            for both in [[good, bad], [bad, good]] {
                let refused = connector.check_all(&both);
                assert!(
                    matches!(refused, Err(ConnectFailure::Forbidden(address, _)) if address == bad.ip()),
                    "{both:?}"
                );
            }
        }
    }

    #[tokio::test]
    async fn an_unresponsive_address_does_not_block_the_next_one() {
        let deaf = TcpSocket::new_v4().unwrap();
        deaf.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let deaf = deaf.listen(0).unwrap();
        let limit = Duration::from_millis(200);
        let mut waiting = Vec::new();
        // Until the accept queue is full, which is never drained.
        while let Ok(stream) =
            tokio::time::timeout(limit, TcpStream::connect(deaf.local_addr().unwrap())).await
        {
            waiting.push(stream.unwrap());
        }
        let good = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addresses = [deaf.local_addr().unwrap(), good.local_addr().unwrap()];
        let stream = connect_first(&addresses, limit).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addresses[1]);
    }
}
