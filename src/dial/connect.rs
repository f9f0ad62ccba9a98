//! Connects to a URI: resolves the name, checks the address, opens a TCP or Unix socket, and starts TLS.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use super::DialError;
use super::address::{AddressPolicy, forbidden};

/// Time limit for resolving, TCP and TLS together, for any number of addresses.
pub(super) const CONNECT: Duration = Duration::from_secs(5);
/// Minimum time for each of several addresses.
const SHARE: Duration = Duration::from_secs(1);
/// How long a connection is silent before the system probes it, and the interval between probes.
#[cfg(target_os = "linux")]
const KEEPALIVE: Duration = Duration::from_secs(15);
/// Host name that represents a Unix socket in the client's pool; the path precedes it in hexadecimal.
const SOCKET_HOST: &str = ".socket.invalid";

/// Connects under an address policy. Clones share the TLS settings, which are created at first use.
#[derive(Clone)]
pub(super) struct Connector {
    policy: AddressPolicy,
    tls: Arc<OnceLock<Arc<ClientConfig>>>,
}

/// Why connecting failed. Passed through the client's own error type.
#[derive(Debug)]
pub(super) enum ConnectFailure {
    Name(String, io::Error),
    Refused(io::Error),
    Forbidden(IpAddr, &'static str),
    Tls(io::Error),
    Timeout,
    BadTarget(String),
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
                source: copy_error(error),
            },
            Self::Timeout => DialError::Timeout {
                peer,
                limit: CONNECT,
            },
            Self::BadTarget(url) => DialError::BadTarget { url: url.clone() },
        }
    }
}

/// Copies an error, because the client keeps the original.
fn copy_error(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

impl Connector {
    pub(super) fn new(policy: AddressPolicy) -> Self {
        Self {
            policy,
            tls: Arc::new(OnceLock::new()),
        }
    }

    /// Connects without TLS and closes the connection, to check whether something listens there.
    pub(super) async fn probe(&self, uri: Uri) -> Result<(), ConnectFailure> {
        let host = uri
            .host()
            .ok_or_else(|| ConnectFailure::BadTarget(uri.to_string()))?;
        let connecting = async {
            if let Some(path) = socket_path(host) {
                return connect_socket(&path).await.map(drop);
            }
            let port = uri
                .port_u16()
                .unwrap_or(if is_secure(&uri) { 443 } else { 80 });
            self.connect_tcp(host.trim_start_matches('[').trim_end_matches(']'), port)
                .await
                .map(drop)
        };
        tokio::time::timeout(CONNECT, connecting)
            .await
            .unwrap_or(Err(ConnectFailure::Timeout))
    }

    pub(super) async fn connect(self, uri: Uri) -> Result<TokioIo<Stream>, ConnectFailure> {
        let host = uri
            .host()
            .ok_or_else(|| ConnectFailure::BadTarget(uri.to_string()))?;
        if let Some(path) = socket_path(host) {
            return connect_socket(&path).await;
        }
        let secure = is_secure(&uri);
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let tcp = self.connect_tcp(host, port).await?;
        if !secure {
            return Ok(TokioIo::new(Stream::Tcp(tcp)));
        }
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| ConnectFailure::Tls(io::Error::other(error)))?;
        let stream = TlsConnector::from(self.tls()?)
            .connect(name, tcp)
            .await
            .map_err(ConnectFailure::Tls)?;
        Ok(TokioIo::new(Stream::Tls(Box::new(stream))))
    }

    async fn connect_tcp(&self, host: &str, port: u16) -> Result<TcpStream, ConnectFailure> {
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
        let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        self.connect_first(&addresses, (CONNECT / count).max(SHARE))
            .await
    }

    /// Connects to the first address that responds within `limit`. An address that drops all packets, as IPv6 addresses
    /// do in many networks, must not use up the time of the following ones.
    async fn connect_first(
        &self,
        addresses: &[SocketAddr],
        limit: Duration,
    ) -> Result<TcpStream, ConnectFailure> {
        let mut failure = ConnectFailure::Timeout;
        let mut refused = Vec::new();
        for &address in addresses {
            // The address is fixed here: the address that was checked is the one that is dialled.
            if let Some(reason) = forbidden(address.ip(), self.policy) {
                failure = ConnectFailure::Forbidden(address.ip(), reason);
                continue;
            }
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
                Err(_) => failure = ConnectFailure::Timeout,
            }
        }
        Err(match failure {
            ConnectFailure::Refused(error) if refused.len() > 1 => {
                ConnectFailure::Refused(with_addresses(&refused, &error))
            }
            failure => failure,
        })
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, ConnectFailure> {
        if let Some(config) = self.tls.get() {
            return Ok(Arc::clone(config));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(BuilderVerifierExt::with_platform_verifier)
            .map_err(|error| ConnectFailure::Tls(io::Error::other(error)))?
            .with_no_client_auth();
        Ok(Arc::clone(self.tls.get_or_init(|| Arc::new(config))))
    }
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
            tokio::time::timeout(CONNECT, connector.connect(uri))
                .await
                .unwrap_or(Err(ConnectFailure::Timeout))
        })
    }
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

fn is_secure(uri: &Uri) -> bool {
    matches!(uri.scheme_str(), Some("https" | "wss"))
}

#[cfg(unix)]
async fn connect_socket(path: &Path) -> Result<TokioIo<Stream>, ConnectFailure> {
    let stream = tokio::net::UnixStream::connect(path)
        .await
        .map_err(ConnectFailure::Refused)?;
    Ok(TokioIo::new(Stream::Unix(stream)))
}

#[cfg(not(unix))]
async fn connect_socket(_: &Path) -> Result<TokioIo<Stream>, ConnectFailure> {
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

fn socket_path(host: &str) -> Option<PathBuf> {
    let hex = host.strip_suffix(SOCKET_HOST)?;
    let bytes: Option<Vec<u8>> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
        .collect();
    String::from_utf8(bytes?).ok().map(PathBuf::from)
}

/// A connected stream of any kind.
pub(super) enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

impl Stream {
    /// Enables keep-alive probes, so that a connection to a vanished peer ends.
    pub(super) fn enable_keepalive(&self) {
        #[cfg(unix)]
        {
            use rustix::net::sockopt;
            let tcp = match self {
                Self::Tcp(tcp) => tcp,
                Self::Tls(tls) => tls.get_ref().0,
                Self::Unix(_) => return,
            };
            // On a system without these options a dead peer is only detected later.
            let _ = sockopt::set_socket_keepalive(tcp, true);
            #[cfg(target_os = "linux")]
            {
                let _ = sockopt::set_tcp_keepidle(tcp, KEEPALIVE);
                let _ = sockopt::set_tcp_keepintvl(tcp, KEEPALIVE);
                let _ = sockopt::set_tcp_keepcnt(tcp, 3);
            }
        }
    }
}

macro_rules! each {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Tcp($stream) => $call,
            Stream::Tls($stream) => $call,
            #[cfg(unix)]
            Stream::Unix($stream) => $call,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self, stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, stream => Pin::new(stream).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tls(_) => false,
            Self::Tcp(_) => true,
            #[cfg(unix)]
            Self::Unix(_) => true,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

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
        let connector = Connector::new(AddressPolicy::Local);
        let stream = connector.connect_first(&addresses, limit).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addresses[1]);
    }
}
