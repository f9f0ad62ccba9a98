//! Connections through a proxy: HTTP `CONNECT` (RFC 9110, 9.3.6) and SOCKS 5 (RFC 1928).

use std::error::Error;
use std::fmt;
use std::future::{Ready, ready};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{StatusCode, Uri};
use hyper_util::client::legacy::connect::proxy::SocksV5;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::AsyncWriteExt;
use tower_service::Service;

use super::answer::{self, Answered};
use super::plumbing::Stream;
use super::proxy::{Proxy, authority};
use super::tls::TlsError;

/// How much of a refusal's body is read, and for how long.
const SHOWN: usize = 1024;
const PATIENCE: Duration = Duration::from_secs(1);

/// A proxy that did not connect. Displayed as its problem.
#[derive(Clone, Debug)]
pub struct ProxyFailure {
    /// Without credentials: `http://proxy.test:3128`.
    pub proxy: String,
    /// The variable or flag that names the proxy.
    pub origin: String,
    pub problem: ProxyProblem,
}

impl fmt::Display for ProxyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl Error for ProxyFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.problem.source()
    }
}

/// Why a proxy did not connect.
#[derive(Clone, Debug, Error)]
pub enum ProxyProblem {
    #[error("cannot find the address of the proxy")]
    Name(#[source] Arc<io::Error>),
    #[error("cannot reach the proxy")]
    Unreachable(#[source] Arc<io::Error>),
    #[error("connecting to the proxy at {address} is not allowed: {reason}")]
    Forbidden {
        address: IpAddr,
        reason: &'static str,
    },
    #[error("cannot open a secure connection to the proxy")]
    Tls(#[source] TlsError),
    #[error("the proxy requires credentials (407)")]
    LoginRequired,
    #[error("the proxy refused the credentials (407)")]
    LoginRefused,
    #[error("the proxy refused to connect: {status}")]
    Refused {
        status: StatusCode,
        /// The start of the body, unescaped.
        body: String,
    },
    #[error("the proxy failed: {reason}")]
    Socks { reason: String },
    #[error("the proxy closed the connection")]
    Broken(#[source] Arc<io::Error>),
}

impl ProxyProblem {
    /// Returns whether the same attempt may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Name(_) | Self::Unreachable(_) | Self::Socks { .. } | Self::Broken(_) => true,
            Self::Refused { status, .. } => status.is_server_error(),
            Self::Forbidden { .. } | Self::Tls(_) | Self::LoginRequired | Self::LoginRefused => {
                false
            }
        }
    }

    /// The problem behind 407.
    pub(super) fn login(proxy: &Proxy) -> Self {
        match proxy.login {
            Some(_) => Self::LoginRefused,
            None => Self::LoginRequired,
        }
    }

    fn broken(error: io::Error) -> Self {
        Self::Broken(Arc::new(error))
    }
}

/// Asks an HTTP proxy for a connection to `host`.
pub(super) async fn through_http(
    mut stream: Stream,
    proxy: &Proxy,
    host: &str,
    port: u16,
) -> Result<Stream, ProxyProblem> {
    let target = authority(host, port);
    let mut request = format!(
        "CONNECT {target} HTTP/1.1\r\nhost: {target}\r\nuser-agent: {}\r\n",
        super::USER_AGENT
    )
    .into_bytes();
    if let Some(value) = proxy.authorization() {
        request.extend_from_slice(b"proxy-authorization: ");
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream
        .write_all(&request)
        .await
        .map_err(ProxyProblem::broken)?;
    stream.flush().await.map_err(ProxyProblem::broken)?;
    let (status, _, rest) = answer::read(stream).await.map_err(ProxyProblem::broken)?;
    if status.is_success() {
        let (stream, start) = rest.into_parts();
        // The target cannot have sent anything yet: TLS and HTTP start with the client.
        return match start.is_empty() {
            true => Ok(stream),
            false => Err(ProxyProblem::broken(io::Error::other(
                "it sent data before the connection was used",
            ))),
        };
    }
    if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        return Err(ProxyProblem::login(proxy));
    }
    Err(ProxyProblem::Refused {
        status,
        body: start_of(rest).await,
    })
}

/// The start of a refusal's body as text.
async fn start_of(mut rest: Answered<Stream>) -> String {
    let mut start = Vec::new();
    let reading = async {
        while start.len() < SHOWN {
            let Some(Ok(piece)) = rest.next().await else {
                break;
            };
            start.extend_from_slice(&piece[..piece.len().min(SHOWN - start.len())]);
        }
    };
    let _ = tokio::time::timeout(PATIENCE, reading).await;
    String::from_utf8_lossy(&start).into_owned()
}

/// Asks a SOCKS 5 proxy for a connection to `host`, which is a name if the proxy resolves it.
pub(super) async fn through_socks(
    stream: Stream,
    proxy: &Proxy,
    host: &str,
    port: u16,
) -> Result<Stream, ProxyProblem> {
    let failed = |reason: String| ProxyProblem::Socks { reason };
    let uri = |host: &str, port| -> Result<Uri, ProxyProblem> {
        format!("http://{}/", authority(host, port))
            .parse()
            .map_err(|_| failed(format!("`{host}` is not a host")))
    };
    let mut socks = SocksV5::new(uri(&proxy.host, proxy.port)?, Connected(Some(stream)));
    if let Some((user, password)) = &proxy.login {
        socks = socks.with_auth(user.clone(), password.reveal().to_owned());
    }
    let connected = socks.call(uri(host, port)?).await;
    let stream = connected.map_err(|error| failed(error.to_string()))?;
    Ok(stream.into_inner())
}

/// Hands out a connection that is already open, in the form that the SOCKS client expects.
struct Connected(Option<Stream>);

impl Service<Uri> for Connected {
    type Response = TokioIo<Stream>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let stream = self.0.take().map(TokioIo::new);
        ready(stream.ok_or_else(|| io::ErrorKind::NotConnected.into()))
    }
}
