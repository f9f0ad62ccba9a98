//! RabbitMQ and other brokers of AMQP 0-9-1: connections, and what their errors mean.

use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_rs::traits::Reactor;
use async_rs::util::RuntimeParts;
use async_rs::{Runtime, Tokio};
use futures_util::Stream;
use lapin::protocol::AMQPError;
use lapin::tcp::AsyncTcpStream;
use lapin::types::ShortString;
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Connection, ConnectionProperties, ErrorKind};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

use super::{BrokerError, Login, addresses};
use crate::dial::{DialError, Dialer, Socket};
use crate::explain::shell_quoted;
use crate::grammar::broker::BrokerUrl;

/// Interval of heartbeats in seconds. The broker may choose a shorter one.
const HEARTBEAT: u16 = 20;
/// The user and password of a new RabbitMQ, which may log in from the same machine only.
const GUEST: &str = "guest";
/// Time limit for closing. Together with the rest it stays below the second that a source has to stop.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// The timers of tokio, and sockets that are already connected: `dial` makes them, with TLS.
#[derive(Clone, Debug)]
struct Dialled(Tokio);

impl Reactor for Dialled {
    type TcpStream = Compat<Socket>;
    type Sleep = tokio::time::Sleep;

    #[expect(refining_impl_trait, reason = "no value of the type is made")]
    fn register<H>(&self, _: H) -> io::Result<Self::TcpStream> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.0.interval(duration)
    }

    #[expect(refining_impl_trait, reason = "the future is never pending")]
    fn tcp_connect_addr(&self, _: SocketAddr) -> Ready<io::Result<Self::TcpStream>> {
        ready(Err(io::ErrorKind::Unsupported.into()))
    }
}

/// The virtual host of an address: `/` if the path is empty.
pub fn vhost(url: &BrokerUrl) -> &str {
    match url.path.as_deref() {
        None | Some("") => "/",
        Some(path) => path,
    }
}

/// A name in the protocol's form, which has at most 255 bytes.
///
/// # Errors
/// [`BrokerError::BadRequest`] for a longer name.
pub fn short(name: &str, what: &str) -> Result<ShortString, BrokerError> {
    ShortString::try_new(name).map_err(|_| BrokerError::BadRequest {
        message: format!("{what} is longer than 255 bytes"),
        hint: format!("use a shorter {what}"),
    })
}

/// Connects and logs in to the first host that accepts the connection.
///
/// # Errors
/// See [`refused`].
pub async fn connect(
    url: &BrokerUrl,
    login: &Login,
    dialer: &Dialer,
    timeout: Duration,
) -> Result<Connection, BrokerError> {
    let is_secure = url.is_secure();
    let mut failure = None;
    for (host, port) in addresses(url, if is_secure { 5671 } else { 5672 }) {
        let opening = open(&host, port, url, login, dialer);
        let opened = match tokio::time::timeout(timeout, opening).await {
            Ok(opened) => opened,
            Err(_) => Err(BrokerError::Dial(DialError::Silent {
                peer: format!("{host}:{port}"),
                limit: timeout,
            })),
        };
        match opened {
            Err(BrokerError::Dial(error)) if error.is_transient() => {
                failure.get_or_insert(error);
            }
            opened => return opened,
        }
    }
    let failure = failure.expect("an address has at least one host");
    Err(failure.into())
}

async fn open(
    host: &str,
    port: u16,
    url: &BrokerUrl,
    login: &Login,
    dialer: &Dialer,
) -> Result<Connection, BrokerError> {
    let socket = dialer.connect(host, port, url.is_secure()).await?;
    let stream = AsyncTcpStream::Plain(socket.compat());
    let user = login.user.as_deref().unwrap_or(GUEST);
    let uri = AMQPUri {
        // The socket has TLS, if it is required.
        scheme: AMQPScheme::AMQP,
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo {
                username: user.to_owned(),
                password: match &login.password {
                    Some(password) => password.reveal().to_owned(),
                    None if login.user.is_none() => GUEST.to_owned(),
                    None => String::new(),
                },
            },
            host: host.to_owned(),
            port,
        },
        vhost: String::from(short(vhost(url), "the name of the virtual host")?),
        query: AMQPQueryString {
            heartbeat: Some(HEARTBEAT),
            ..AMQPQueryString::default()
        },
    };
    let tokio = Tokio::current();
    let runtime = Runtime::new(RuntimeParts::new(tokio.clone(), Dialled(tokio)));
    let stream = Mutex::new(Some(stream));
    let connection = Connection::connector(
        uri,
        runtime,
        // Called once, because the library's own reconnection is not enabled.
        async move |_, _| {
            let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
            let stream = stream.take();
            stream.ok_or_else(|| lapin::Error::from(io::Error::from(io::ErrorKind::NotConnected)))
        },
        ConnectionProperties::default()
            .with_connection_name(format!("evt {}", env!("CARGO_PKG_VERSION")).into()),
    );
    connection
        .await
        .map_err(|error| refused(&error, url, &format!("the login of user {user}")))
}

/// Closes a connection politely, which writes what is pending.
pub async fn close(connection: &Connection) {
    let closing = pin!(connection.close(200, ShortString::from("OK")));
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, closing).await;
}

/// What an error means that follows a request: `the login of user evt`, `consuming from queue x`.
pub fn refused(error: &lapin::Error, url: &BrokerUrl, what: &str) -> BrokerError {
    let ErrorKind::ProtocolError(error) = error.kind() else {
        return protocol(error, url);
    };
    let message = text(error);
    let server = url.server();
    let refused = |hint: &str| BrokerError::Refused {
        server: server.clone(),
        what: what.to_owned(),
        message: message.clone(),
        hint: hint.to_owned(),
    };
    // The numbers are the reply codes of AMQP 0-9-1.
    match error.get_id() {
        404 => missing(&message, url),
        530 if message.contains("not found") => missing(&format!("no vhost '{}'", vhost(url)), url),
        403 if message.contains("exclusive") => {
            refused("end the consumer that has it exclusively, or try again later")
        }
        403 | 530 => BrokerError::Denied {
            server,
            what: what.to_owned(),
            message,
        },
        320 | 506 | 541 => BrokerError::Lost { why: message },
        501..=505 => BrokerError::Protocol {
            server,
            why: message,
        },
        540 => refused("evt man streams     describes queues and streams of RabbitMQ"),
        405 => refused("it belongs to another connection: use another name"),
        _ => {
            refused("compare with what the broker has: rabbitmqctl list_queues name type arguments")
        }
    }
}

/// An error that is not an answer to a request.
fn protocol(error: &lapin::Error, url: &BrokerUrl) -> BrokerError {
    match error.kind() {
        ErrorKind::InvalidProtocolVersion(_)
        | ErrorKind::ParsingError(_)
        | ErrorKind::SerialisationError(_) => BrokerError::Protocol {
            server: url.server(),
            why: error.to_string(),
        },
        ErrorKind::IOError(error) => BrokerError::Lost {
            why: error.to_string(),
        },
        _ => BrokerError::Lost {
            why: error.to_string(),
        },
    }
}

/// What the broker said, without the name of the code: `NOT_FOUND - no queue 'x' in vhost '/'`.
fn text(error: &AMQPError) -> String {
    let message = error.get_message().to_string();
    match message.split_once(" - ") {
        Some((code, rest)) if code.bytes().all(|c| c.is_ascii_uppercase() || c == b'_') => {
            rest.to_owned()
        }
        _ => message,
    }
}

/// What does not exist, from the broker's message: `no queue 'x' in vhost '/'`.
fn missing(message: &str, url: &BrokerUrl) -> BrokerError {
    let what = message.strip_prefix("no ").unwrap_or(message);
    let vhost = shell_quoted(vhost(url));
    let hint = match what.split(' ').next() {
        Some("exchange") => format!("rabbitmqctl list_exchanges --vhost {vhost} name type"),
        Some("vhost") => "rabbitmqctl list_vhosts".to_owned(),
        _ => format!("rabbitmqctl list_queues --vhost {vhost} name type"),
    };
    BrokerError::Missing {
        server: url.server(),
        what: what.replace('\'', "`"),
        hint: format!("{hint}     lists what exists"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::{Exit, Explain};

    fn answer(code: u16, text: &str) -> BrokerError {
        let url = BrokerUrl::parse("amqp://a/v").unwrap();
        let error = AMQPError::from_id(code, text.into()).unwrap();
        refused(&ErrorKind::ProtocolError(error).into(), &url, "consuming")
    }

    #[test]
    fn an_empty_path_is_the_default_vhost() {
        for (text, expected) in [
            ("amqp://a", "/"),
            ("amqp://a/", "/"),
            ("amqp://a/%2F", "/"),
            ("amqp://a/%2Fprod", "/prod"),
            ("amqp://a/prod", "prod"),
        ] {
            assert_eq!(vhost(&BrokerUrl::parse(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn each_refusal_has_the_exit_code_of_its_kind() {
        for (code, text, exit) in [
            (404, "NOT_FOUND - no queue 'q' in vhost 'v'", Exit::NotFound),
            (530, "NOT_ALLOWED - vhost v not found", Exit::NotFound),
            (
                403,
                "ACCESS_REFUSED - read access to queue 'q' …",
                Exit::NotAllowed,
            ),
            (
                530,
                "NOT_ALLOWED - access to vhost 'v' refused",
                Exit::NotAllowed,
            ),
            (
                403,
                "ACCESS_REFUSED - queue 'q' in exclusive use",
                Exit::Refused,
            ),
            (406, "PRECONDITION_FAILED - inequivalent arg", Exit::Refused),
            (540, "NOT_IMPLEMENTED - basic.get", Exit::Refused),
            (320, "CONNECTION_FORCED - shutdown", Exit::Unreachable),
        ] {
            assert_eq!(answer(code, text).explain().exit, exit, "{text}");
        }
    }

    #[test]
    fn a_refusal_shows_the_words_of_the_broker_without_its_code() {
        let error = answer(404, "NOT_FOUND - no queue 'q' in vhost 'v'");
        assert_eq!(error.to_string(), "amqp://a has no queue `q` in vhost `v`");
        let error = answer(406, "PRECONDITION_FAILED - inequivalent arg 'x'");
        assert_eq!(
            error.to_string(),
            "amqp://a refused consuming: inequivalent arg 'x'"
        );
    }
}
