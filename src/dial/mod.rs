//! Outgoing deliveries: one pooled HTTP/1 client that follows no redirect, bounds every answer and checks the address it
//! really connects to. Requests to the platform's own API belong to `api`.

mod address;
mod answer;
mod connect;
mod connection;
mod explain;
mod redirect;
mod relay;
mod stream;
mod upgrade;

use std::error::Error;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use thiserror::Error;

use crate::grammar::target::Target;

pub use address::{AddressPolicy, forbidden};
use connect::{ConnectFailure, Connector};
pub use connection::Connection;
pub use redirect::{is_same_origin, resolve};
pub use relay::{outcome, passed_on};
pub use stream::{Opened, Opening, Socket};
pub use upgrade::{Upgrade, Upgraded};

/// Idle connections are kept shorter than most servers keep them, so that few requests meet a closing one.
const IDLE: Duration = Duration::from_secs(4);
const IDLE_PER_HOST: usize = 64;
/// Head of an answer, as hyper's own server limits a request's.
const MAX_HEAD: usize = 64 * 1024;

/// The client; clones share its connections.
#[derive(Clone)]
pub struct Dialer {
    client: Client<Connector, Full<Bytes>>,
    connector: Connector,
}

/// A request to dial; the body is sent as it is, with its own `content-length`.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    pub target: Target,
    /// Path and query, for `unix:` targets alone: a URL has its own.
    pub path: Option<String>,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// From the first byte dialled to the last byte of the answer.
    pub timeout: Duration,
    /// Bytes of the answer's body that are kept.
    pub max_answer: usize,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// At most [`Call::max_answer`] bytes; `truncated` says whether there was more.
    pub body: Bytes,
    pub truncated: bool,
    pub took: Duration,
}

/// Why there is no answer.
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
    #[error("may not connect to {address}: {reason}")]
    Forbidden {
        address: std::net::IpAddr,
        reason: &'static str,
    },
    #[error("no secure connection to {peer}")]
    Tls {
        peer: String,
        source: std::io::Error,
    },
    #[error("{peer} did not answer within {} s", limit.as_secs_f64())]
    Timeout { peer: String, limit: Duration },
    #[error("{peer} accepted the connection and did not answer within {} s", limit.as_secs_f64())]
    Silent { peer: String, limit: Duration },
    #[error("{peer} broke off before a whole answer")]
    Broken {
        peer: String,
        source: Box<dyn Error + Send + Sync>,
    },
}

impl DialError {
    /// The word under which the error is kept with an attempt and looked up.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadTarget { .. } => "bad_target",
            Self::Name { .. } => "name_not_found",
            Self::Refused { .. } => "target_refused",
            Self::Forbidden { .. } => "address_forbidden",
            Self::Tls { .. } => "tls_failed",
            Self::Timeout { .. } | Self::Silent { .. } => "target_timeout",
            Self::Broken { .. } => "target_broke_off",
        }
    }
}

impl Dialer {
    /// A client without connections. TLS is set up at the first `https` target.
    pub fn new(policy: AddressPolicy) -> Self {
        let connector = Connector::new(policy);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .http1_max_buf_size(MAX_HEAD)
            .build(connector.clone());
        Self { client, connector }
    }

    /// Sends one request. Any status is an answer; an error means that none came.
    ///
    /// Cancel safe: dropping the future closes the connection. Redirects are answers, never followed, because every header
    /// (secrets and signatures among them) would travel along.
    pub async fn send(&self, call: Call) -> Result<Answer, DialError> {
        let peer = peer_of(&call.target);
        let limit = call.timeout;
        match tokio::time::timeout(limit, self.exchange(call, &peer)).await {
            Ok(result) => result,
            Err(_) => Err(DialError::Timeout { peer, limit }),
        }
    }

    /// Sends one request and returns once the head of the answer is there: [`Self::open`] on a connection that is shared with
    /// other requests, for exchanges that follow one another.
    ///
    /// Cancel safe: dropping the future, or later the answer, closes the connection.
    pub async fn begin(&self, opening: Opening) -> Result<Opened, DialError> {
        let target = Target::Url(opening.url);
        let peer = peer_of(&target);
        let limit = opening.timeout;
        let request = request(Call {
            method: opening.method,
            target,
            path: None,
            headers: opening.headers,
            body: opening.body,
            timeout: limit,
            max_answer: 0,
        })?;
        match tokio::time::timeout(limit, self.client.request(request)).await {
            Ok(Ok(answer)) => Ok(Opened::pooled(answer)),
            Ok(Err(error)) => Err(explain(error, &peer)),
            Err(_) => Err(DialError::Timeout { peer, limit }),
        }
    }

    /// Returns whether something accepts connections at the target, without sending a byte.
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
        let request = request(call)?;
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| explain(error, peer))?;
        let (head, body) = response.into_parts();
        let (body, truncated) =
            read(body, max_answer)
                .await
                .map_err(|error| DialError::Broken {
                    peer: peer.to_owned(),
                    source: Box::new(error),
                })?;
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
            truncated,
            took: started.elapsed(),
        })
    }
}

/// `host:port` of a target, or the socket's path: how errors name it.
pub fn peer_of(target: &Target) -> String {
    match target {
        Target::Url(url) => match url.authority() {
            // Userinfo is refused by the grammar; what a flow wrote by hand is not shown either.
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

fn request(call: Call) -> Result<Request<Full<Bytes>>, DialError> {
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
    *request.uri_mut() = uri;
    Ok(request)
}

/// Reads at most `limit` bytes; what follows is left on the connection, which is then closed.
async fn read(mut body: Incoming, limit: usize) -> Result<(Bytes, bool), hyper::Error> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while !body.is_end_stream() {
        let Some(frame) = body.frame().await else {
            break;
        };
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        let room = limit - first.len() - rest.len();
        let more = data.len() > room;
        let data = data.slice(..data.len().min(room));
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&data);
        }
        if more {
            return Ok((
                if rest.is_empty() {
                    first
                } else {
                    rest.freeze()
                },
                true,
            ));
        }
    }
    Ok((
        if rest.is_empty() {
            first
        } else {
            rest.freeze()
        },
        false,
    ))
}

/// Turns the client's error into ours: the connector's own word where it has one.
fn explain(error: hyper_util::client::legacy::Error, peer: &str) -> DialError {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(current) = cause {
        if let Some(failure) = current.downcast_ref::<ConnectFailure>() {
            return failure.as_dial_error(peer);
        }
        cause = current.source();
    }
    DialError::Broken {
        peer: peer.to_owned(),
        source: Box::new(error),
    }
}

/// The URL with its path and query replaced by those of `target`, where the URL has none of its own: how a forward keeps the
/// path that the sender called. A URL with a path is taken as it is, with the sender's query.
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
    fn a_target_without_a_path_keeps_the_path_that_was_called() {
        let url: Uri = "http://127.0.0.1:3000".parse().unwrap();
        assert_eq!(
            rebase(&url, "/hook/a?x=1").to_string(),
            "http://127.0.0.1:3000/hook/a?x=1"
        );
    }

    #[test]
    fn a_target_with_a_path_keeps_its_own_and_takes_the_query() {
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
    async fn a_refused_connection_is_named_with_its_peer() {
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
    async fn a_long_answer_is_cut_at_the_limit() {
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
    async fn a_redirect_is_an_answer() {
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
