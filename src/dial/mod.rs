//! Outgoing requests: a pooled HTTP/1 client that follows no redirects, limits every response, checks the address that
//! it connects to, and uses the user's proxies and certificates.

mod address;
mod answer;
mod attempt;
mod connect;
mod connection;
mod explain;
mod network;
mod plumbing;
mod proxy;
mod redirect;
mod relay;
mod stream;
mod tls;
mod tunnel;
mod upgrade;

use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HOST, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use thiserror::Error;

use crate::grammar::target::Target;

pub use address::{AddressPolicy, forbidden};
pub use attempt::attempt;
use connect::{ConnectFailure, Connector};
pub use connection::Connection;
pub use network::{Network, NetworkOptions};
pub use proxy::{Proxies, Proxy, ProxyError};
pub use redirect::{is_same_origin, resolve};
pub use relay::{forwarded_headers, outcome};
pub use stream::{Opened, Opening, Socket};
pub use tls::{TlsError, TlsOptions, TlsSetupError, TlsVariables, read_certificates, read_key};
pub use tunnel::{ProxyFailure, ProxyProblem};
pub use upgrade::{Upgrade, Upgraded};

/// Idle connections are closed earlier than most servers close them, so that few requests use a connection that is
/// being closed.
const IDLE: Duration = Duration::from_secs(4);
const IDLE_PER_HOST: usize = 64;
/// Maximum size of a response's head; hyper's server has the same limit for requests.
const MAX_HEAD: usize = 64 * 1024;
const USER_AGENT: &str = concat!("evt/", env!("CARGO_PKG_VERSION"));

/// The client. Clones share its connections.
#[derive(Clone)]
pub struct Dialer {
    client: Client<Connector, Full<Bytes>>,
    connector: Connector,
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").finish_non_exhaustive()
    }
}

/// A request to send. The body is unchanged, and `content-length` is set.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    pub target: Target,
    /// Path and query, only for `unix:` targets. A URL has its own.
    pub path: Option<String>,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Time limit from the first connection attempt to the last byte of the response.
    pub timeout: Duration,
    /// How many bytes of the response's body are returned.
    pub max_answer: usize,
}

/// A response.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// At most [`Call::max_answer`] bytes. `truncated` says whether there were more.
    pub body: Bytes,
    pub truncated: bool,
    pub took: Duration,
}

/// Why there is no response.
#[derive(Debug, Error)]
pub enum DialError {
    #[error("`{url}` is not a target that can be dialled")]
    BadTarget { url: String },
    #[error("cannot find the address of {host}")]
    Name {
        host: String,
        source: std::io::Error,
    },
    #[error("cannot reach {peer}")]
    Refused {
        peer: String,
        source: std::io::Error,
    },
    #[error("connecting to {address} is not allowed: {reason}")]
    Forbidden {
        address: std::net::IpAddr,
        reason: &'static str,
    },
    #[error("cannot open a secure connection to {peer}")]
    Tls { peer: String, source: Box<TlsError> },
    #[error(transparent)]
    BadProxy(ProxyError),
    #[error("cannot reach {peer} through the proxy {}, which is set by {}", source.proxy, source.origin)]
    Proxy {
        peer: String,
        source: Box<ProxyFailure>,
    },
    #[error("{peer} did not answer within {} s", limit.as_secs_f64())]
    Timeout { peer: String, limit: Duration },
    #[error("{peer} accepted the connection and did not answer within {} s", limit.as_secs_f64())]
    Silent { peer: String, limit: Duration },
    #[error("{peer} closed the connection before the end of the response")]
    Broken {
        peer: String,
        source: Box<dyn Error + Send + Sync>,
    },
}

impl DialError {
    /// The error code, which is stored with a delivery attempt.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadTarget { .. } => "bad_target",
            Self::Name { .. } => "name_not_found",
            Self::Refused { .. } => "target_refused",
            Self::Forbidden { .. } => "address_forbidden",
            Self::Tls { .. } => "tls_failed",
            Self::BadProxy(_) => "bad_proxy",
            Self::Proxy { .. } => "proxy_failed",
            Self::Timeout { .. } | Self::Silent { .. } => "target_timeout",
            Self::Broken { .. } => "target_broke_off",
        }
    }

    /// Returns whether the same attempt may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Name { .. }
            | Self::Refused { .. }
            | Self::Timeout { .. }
            | Self::Silent { .. }
            | Self::Broken { .. } => true,
            Self::Proxy { source, .. } => source.problem.is_transient(),
            Self::BadTarget { .. }
            | Self::Forbidden { .. }
            | Self::Tls { .. }
            | Self::BadProxy(_) => false,
        }
    }

    fn proxy(proxy: &Proxy, source: ProxyProblem, peer: String) -> Self {
        let source = Box::new(ProxyFailure {
            proxy: proxy.shown(),
            origin: proxy.origin.clone(),
            problem: source,
        });
        Self::Proxy { peer, source }
    }

    /// An exchange that broke. A server that requires a client certificate ends the connection only after the handshake.
    fn broken(peer: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let source = source.into();
        let peer = peer.to_owned();
        match TlsError::of_alert(source.as_ref()) {
            Some(source) => Self::Tls {
                peer,
                source: Box::new(source),
            },
            None => Self::Broken { peer, source },
        }
    }
}

impl Dialer {
    /// A client without connections. It uses no proxy, and the certificates of the system.
    pub fn new(policy: AddressPolicy) -> Self {
        Self::on(Network::direct(policy))
    }

    /// A client without connections. TLS is set up for the first `https` target.
    pub fn on(network: Network) -> Self {
        let connector = Connector::new(network);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .http1_max_buf_size(MAX_HEAD)
            .build(connector.clone());
        Self { client, connector }
    }

    /// Sends one request. A response with any status is a success; an error means that there was no response.
    ///
    /// Cancel safe: dropping the future closes the connection. Redirects are returned and never followed, because all
    /// headers (secrets and signatures among them) would be sent to the new address.
    pub async fn send(&self, call: Call) -> Result<Answer, DialError> {
        let peer = peer_of(&call.target);
        let limit = call.timeout;
        match tokio::time::timeout(limit, self.exchange(call, &peer)).await {
            Ok(result) => result,
            Err(_) => Err(DialError::Timeout { peer, limit }),
        }
    }

    /// Sends one request and returns after the head of the response. Unlike [`Self::open`] it uses a pooled connection,
    /// which suits a sequence of exchanges.
    ///
    /// Cancel safe: dropping the future, or later the response, closes the connection.
    pub async fn begin(&self, opening: Opening) -> Result<Opened, DialError> {
        let target = Target::Url(opening.url);
        let peer = peer_of(&target);
        let limit = opening.timeout;
        let request = self.request(Call {
            method: opening.method,
            target,
            path: None,
            headers: opening.headers,
            body: opening.body,
            timeout: limit,
            max_answer: 0,
        })?;
        let proxy = self.connector.forwarding_proxy(request.uri());
        match tokio::time::timeout(limit, self.client.request(request)).await {
            Ok(Ok(answer)) => {
                check_login(proxy, answer.status(), &peer)?;
                Ok(Opened::pooled(answer))
            }
            Ok(Err(error)) => Err(explain(error, &peer)),
            Err(_) => Err(DialError::Timeout { peer, limit }),
        }
    }

    /// Checks whether something accepts connections at the target, without sending any data.
    pub async fn probe(&self, target: &Target) -> Result<(), DialError> {
        let peer = peer_of(target);
        let uri = match target {
            Target::Url(url) => url.clone(),
            Target::Unix(path) => connect::socket_uri(path, None),
        };
        self.connector
            .probe(uri)
            .await
            .map_err(|failure| failure.as_dial_error(&peer))
    }

    async fn exchange(&self, call: Call, peer: &str) -> Result<Answer, DialError> {
        let started = Instant::now();
        let max_answer = call.max_answer;
        let request = self.request(call)?;
        let proxy = self.connector.forwarding_proxy(request.uri());
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| explain(error, peer))?;
        check_login(proxy, response.status(), peer)?;
        let (head, body) = response.into_parts();
        let (body, truncated) = read(body, max_answer)
            .await
            .map_err(|error| DialError::broken(peer, error))?;
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
            truncated,
            took: started.elapsed(),
        })
    }

    fn request(&self, call: Call) -> Result<Request<Full<Bytes>>, DialError> {
        let (uri, host) = match &call.target {
            Target::Url(url) => {
                let host = url
                    .authority()
                    .map(|authority| authority.as_str().to_owned());
                match host {
                    Some(host) if !connect::is_socket_host(&host) => (url.clone(), host),
                    _ => {
                        return Err(DialError::BadTarget {
                            url: url.to_string(),
                        });
                    }
                }
            }
            Target::Unix(path) => (
                connect::socket_uri(path, call.path.as_deref()),
                "localhost".to_owned(),
            ),
        };
        let bad_target = |_| DialError::BadTarget {
            url: call.target.to_string(),
        };
        let mut request = Request::new(Full::new(call.body));
        *request.method_mut() = call.method;
        *request.headers_mut() = call.headers;
        request.headers_mut().remove(CONTENT_LENGTH);
        request
            .headers_mut()
            .entry(HOST)
            .or_insert(HeaderValue::try_from(host).map_err(bad_target)?);
        let proxy = self.connector.forwarding_proxy(&uri);
        if let Some(value) = proxy.and_then(Proxy::authorization) {
            request.headers_mut().insert(PROXY_AUTHORIZATION, value);
        }
        *request.uri_mut() = uri;
        Ok(request)
    }
}

/// A proxy that forwards plain HTTP requests asks for credentials in place of the target's response.
fn check_login(proxy: Option<&Proxy>, status: StatusCode, peer: &str) -> Result<(), DialError> {
    match proxy {
        Some(proxy) if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            let problem = ProxyProblem::login(proxy);
            Err(DialError::proxy(proxy, problem, peer.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Name of a target in errors: `host:port`, or the path of a socket.
pub fn peer_of(target: &Target) -> String {
    match target {
        Target::Url(url) => match url.authority() {
            // The grammar refuses user information. A hand-written URL of a flow may contain it, so it is removed.
            Some(authority) => authority
                .as_str()
                .rsplit('@')
                .next()
                .unwrap_or_default()
                .to_owned(),
            None => url.to_string(),
        },
        Target::Unix(path) => format!("unix:{}", path.display()),
    }
}

/// Reads at most `limit` bytes. If there is more, the connection is closed.
async fn read(mut body: Incoming, limit: usize) -> Result<(Bytes, bool), hyper::Error> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut is_truncated = false;
    while !is_truncated && !body.is_end_stream() {
        let Some(frame) = body.frame().await else {
            break;
        };
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        let room = limit - first.len() - rest.len();
        is_truncated = data.len() > room;
        let data = data.slice(..data.len().min(room));
        if first.is_empty() && rest.is_empty() {
            first = data;
            continue;
        }
        if rest.is_empty() {
            rest.extend_from_slice(&std::mem::take(&mut first));
        }
        rest.extend_from_slice(&data);
    }
    let whole = if rest.is_empty() {
        first
    } else {
        rest.freeze()
    };
    Ok((whole, is_truncated))
}

/// Converts the client's error. An error of the connector is unwrapped.
fn explain(error: hyper_util::client::legacy::Error, peer: &str) -> DialError {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(current) = cause {
        if let Some(failure) = current.downcast_ref::<ConnectFailure>() {
            return failure.as_dial_error(peer);
        }
        cause = current.source();
    }
    DialError::broken(peer, error)
}

/// Replaces path and query of a URL that has none by those of `target`, so that a forward preserves the path that the
/// sender called. A URL with a path keeps it and takes the sender's query.
pub fn rebase(url: &Uri, target: &str) -> Uri {
    let own_path = url.path().len() > 1 || url.query().is_some();
    let joined = match (own_path, target.split_once('?')) {
        (false, _) => target.to_owned(),
        (true, Some((_, query))) if url.query().is_none() => format!("{}?{query}", url.path()),
        (true, _) => return url.clone(),
    };
    let mut parts = url.clone().into_parts();
    parts.path_and_query = joined.parse().ok();
    if parts.path_and_query.is_none() {
        return url.clone();
    }
    Uri::from_parts(parts).unwrap_or_else(|_| url.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_without_a_path_gets_the_path_of_the_request() {
        let url: Uri = "http://127.0.0.1:3000".parse().unwrap();
        assert_eq!(
            rebase(&url, "/hook/a?x=1").to_string(),
            "http://127.0.0.1:3000/hook/a?x=1"
        );
    }

    #[test]
    fn a_target_with_a_path_keeps_it_and_gets_the_query() {
        let url: Uri = "http://127.0.0.1:3000/in".parse().unwrap();
        assert_eq!(
            rebase(&url, "/hook?x=1").to_string(),
            "http://127.0.0.1:3000/in?x=1"
        );
        let url: Uri = "http://127.0.0.1:3000/in?key=2".parse().unwrap();
        assert_eq!(
            rebase(&url, "/hook?x=1").to_string(),
            "http://127.0.0.1:3000/in?key=2"
        );
    }

    #[tokio::test]
    async fn a_refused_connection_names_the_peer() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let error = Dialer::new(AddressPolicy::Local)
            .send(call(&format!("http://{address}/")))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, DialError::Refused { peer, .. } if *peer == address.to_string()),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn a_metadata_address_is_never_dialled() {
        let error = Dialer::new(AddressPolicy::Local)
            .send(call("http://169.254.169.254/latest"))
            .await
            .unwrap_err();
        assert!(matches!(error, DialError::Forbidden { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_long_response_is_truncated_at_the_limit() {
        let (address, server) = one_answer(
            "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n".to_owned() + &"x".repeat(1000),
        )
        .await;
        let answer = Dialer::new(AddressPolicy::Local)
            .send(call(&format!("http://{address}/")))
            .await
            .unwrap();
        assert_eq!((answer.body.len(), answer.truncated), (100, true));
        server.abort();
    }

    #[tokio::test]
    async fn a_redirect_is_returned_and_not_followed() {
        let (address, server) = one_answer(
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
                .to_owned(),
        )
        .await;
        let answer = Dialer::new(AddressPolicy::Local)
            .send(call(&format!("http://{address}/")))
            .await
            .unwrap();
        assert_eq!(answer.status, StatusCode::FOUND);
        server.abort();
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_unix_socket_is_dialled_with_the_given_path() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.sock");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 1024];
            let length = stream.read(&mut head).await.unwrap();
            stream
                .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .await
                .unwrap();
            String::from_utf8_lossy(&head[..length]).into_owned()
        });
        let call = Call {
            target: Target::Unix(path),
            path: Some("/hook?a=1".to_owned()),
            ..call("http://localhost/")
        };
        let answer = Dialer::new(AddressPolicy::Local).send(call).await.unwrap();
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        assert!(
            server
                .await
                .unwrap()
                .starts_with("POST /hook?a=1 HTTP/1.1\r\n")
        );
    }

    fn call(url: &str) -> Call {
        Call {
            method: Method::POST,
            target: Target::Url(url.parse().unwrap()),
            path: None,
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"{}"),
            timeout: Duration::from_secs(10),
            max_answer: 100,
        }
    }

    async fn one_answer(answer: String) -> (std::net::SocketAddr, tokio::task::JoinHandle<()>) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 1024];
            let _ = stream.read(&mut head).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            std::future::pending::<()>().await;
        });
        (address, server)
    }
}
