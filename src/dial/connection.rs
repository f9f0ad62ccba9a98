//! A connection without a pool, for callers that send very many requests.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper::client::conn::http1::{self, SendRequest};
use tower_service::Service;

use super::connect::{self, Connector};
use super::{DialError, Dialer, MAX_HEAD, Proxy, ProxyProblem, peer_of};
use crate::grammar::target::Target;

/// A response body up to this size is read completely, so that the connection can be reused. A longer one closes it.
const MAX_DRAINED: u64 = 256 * 1024;

/// One connection to one target. The first request opens it, and a request after it was closed opens it again.
pub struct Connection {
    connector: Connector,
    /// The URI to connect to.
    uri: Uri,
    /// The URI in the request line.
    path: Uri,
    host: HeaderValue,
    /// The proxy that forwards the requests.
    proxy: Option<Proxy>,
    peer: String,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Dialer {
    /// A separate connection, not open yet. `path` applies only to `unix:` targets.
    ///
    /// # Errors
    /// [`DialError::BadTarget`].
    pub fn connection(&self, target: &Target, path: Option<&str>) -> Result<Connection, DialError> {
        let bad = || DialError::BadTarget {
            url: target.to_string(),
        };
        let peer = peer_of(target);
        let (uri, host) = match target {
            Target::Url(url) if connect::is_socket_host(&peer) => {
                return Err(DialError::BadTarget {
                    url: url.to_string(),
                });
            }
            Target::Url(url) => (url.clone(), peer.as_str()),
            Target::Unix(socket) => (connect::socket_uri(socket, path), "localhost"),
        };
        let proxy = self.connector.forwarding_proxy(&uri);
        let path = match proxy {
            // The proxy needs the whole URL.
            Some(_) => uri.clone(),
            None => {
                let path = uri.path_and_query().map_or("/", |path| path.as_str());
                path.parse().map_err(|_| bad())?
            }
        };
        Ok(Connection {
            proxy: proxy.cloned(),
            connector: self.connector.clone(),
            path,
            host: HeaderValue::try_from(host).map_err(|_| bad())?,
            uri,
            peer,
            open: None,
        })
    }
}

impl Connection {
    /// Sends one request and reads the whole response. Only the status is returned.
    ///
    /// Not cancel safe: dropping the future closes the connection, and the next call opens another one.
    pub async fn send(
        &mut self,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
        timeout: Duration,
    ) -> Result<StatusCode, DialError> {
        let peer = self.peer.clone();
        match tokio::time::timeout(timeout, self.exchange(method, headers, body)).await {
            Ok(result) => result,
            Err(_) => {
                self.open = None;
                Err(DialError::Timeout {
                    peer,
                    limit: timeout,
                })
            }
        }
    }

    async fn exchange(
        &mut self,
        method: Method,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<StatusCode, DialError> {
        let mut sender = self.ready().await?;
        headers.remove(CONTENT_LENGTH);
        headers.entry(HOST).or_insert_with(|| self.host.clone());
        if let Some(login) = self.proxy.as_ref().and_then(Proxy::authorization) {
            headers.insert(PROXY_AUTHORIZATION, login);
        }
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = self.path.clone();
        *request.headers_mut() = headers;
        let broken = |source| self.broken(source);
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status();
        if let (StatusCode::PROXY_AUTHENTICATION_REQUIRED, Some(proxy)) = (status, &self.proxy) {
            let peer = self.peer.clone();
            return Err(DialError::proxy(proxy, ProxyProblem::login(proxy), peer));
        }
        let mut body = answer.into_body();
        let mut left = MAX_DRAINED;
        while !body.is_end_stream() {
            let Some(frame) = body.frame().await else {
                break;
            };
            let length = frame.map_err(broken)?.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(length as u64) {
                Some(rest) => left = rest,
                None => return Ok(status),
            }
        }
        self.open = Some(sender);
        Ok(status)
    }

    /// Returns the open connection, or opens one if the target has closed it.
    async fn ready(&mut self) -> Result<SendRequest<Full<Bytes>>, DialError> {
        if let Some(mut sender) = self.open.take()
            && sender.ready().await.is_ok()
        {
            return Ok(sender);
        }
        self.connect().await
    }

    async fn connect(&mut self) -> Result<SendRequest<Full<Bytes>>, DialError> {
        let stream = self
            .connector
            .call(self.uri.clone())
            .await
            .map_err(|failure| failure.as_dial_error(&self.peer))?;
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .handshake(stream)
            .await
            .map_err(|source| self.broken(source))?;
        // Errors of the connection are returned by the sender.
        tokio::spawn(connection);
        Ok(sender)
    }

    fn broken(&self, source: hyper::Error) -> DialError {
        DialError::broken(&self.peer, source)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::dial::AddressPolicy;

    /// Responds to `per_connection` requests with 204, then closes. Returns the number of connections.
    async fn server(
        per_connection: usize,
        connections: usize,
    ) -> (Uri, tokio::task::JoinHandle<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/hook", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            for _ in 0..connections {
                let (mut stream, _) = listener.accept().await.unwrap();
                for _ in 0..per_connection {
                    let mut head = [0; 1024];
                    assert!(stream.read(&mut head).await.unwrap() > 0);
                    stream
                        .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                        .await
                        .unwrap();
                }
            }
            connections
        });
        (uri.parse().unwrap(), task)
    }

    async fn send(connection: &mut Connection) -> StatusCode {
        connection
            .send(
                Method::POST,
                HeaderMap::new(),
                Bytes::from_static(b"{}"),
                Duration::from_secs(30),
            )
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn requests_follow_each_other_on_one_connection() {
        let (uri, served) = server(3, 1).await;
        let dialer = Dialer::new(AddressPolicy::Local);
        let mut connection = dialer.connection(&Target::Url(uri), None).unwrap();
        for _ in 0..3 {
            assert_eq!(send(&mut connection).await, StatusCode::NO_CONTENT);
        }
        assert_eq!(served.await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_separate_connection_refuses_a_metadata_address() {
        let uri = Uri::from_static("http://169.254.169.254/");
        let dialer = Dialer::new(AddressPolicy::Local);
        let mut connection = dialer.connection(&Target::Url(uri), None).unwrap();
        let error = connection
            .send(
                Method::POST,
                HeaderMap::new(),
                Bytes::new(),
                Duration::from_secs(30),
            )
            .await
            .unwrap_err();
        assert!(matches!(error, DialError::Forbidden { .. }), "{error:?}");
    }
}
