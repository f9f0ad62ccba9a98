//! NATS: a connection, its requests, and the API of JetStream.
//!
//! There is no client library below it: async-nats looks names up itself, so addresses would be checked before they are known; it
//! reconnects by itself, drops messages when a channel is full (its capacity counts messages, not bytes), and ends the
//! connection at a header that is not UTF-8.

mod info;
pub mod jetstream;
mod nkey;

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use futures_util::FutureExt;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::coop::has_budget_remaining;

use super::{BrokerError, Login, addresses};
use crate::dial::{DialError, Dialer, Socket};
use crate::grammar::broker::BrokerUrl;
use crate::secret::Secret;
use crate::time::Timestamp;
use crate::wire::nats::{self, Frame};
pub use info::ServerInfo;
use nkey::Key;

/// The port of a server unless the address has one.
pub const PORT: u16 = 4222;
/// How much is read at once.
const PIECE: usize = 64 * 1024;
/// The subscription for replies. Others have higher numbers.
const REPLIES: u64 = 1;

/// How to connect.
#[derive(Clone)]
pub struct ConnectOptions {
    pub url: BrokerUrl,
    pub login: Login,
    pub dialer: Dialer,
    /// Time limit for each host, and for each reply.
    pub timeout: Duration,
    /// Larger messages are skipped, in bytes.
    pub max_message: usize,
}

/// A connection that is logged in.
pub struct Connection {
    socket: Socket,
    /// What was read and is not discarded yet.
    input: BytesMut,
    /// The length of the frame that was returned last.
    returned: usize,
    /// Bytes of a message that is too large, which have not arrived yet.
    skipped: usize,
    /// Written by [`Self::flush`].
    output: Vec<u8>,
    info: ServerInfo,
    server: String,
    max_message: usize,
    timeout: Duration,
    inbox: Option<String>,
    requests: u64,
    opened: Timestamp,
    caught_up: Timestamp,
    last_error: Option<String>,
}

/// The reply to a request.
pub struct Reply {
    pub status: Option<nats::Status>,
    pub payload: Vec<u8>,
}

impl Connection {
    /// Connects to the first host that accepts the connection, and logs in.
    ///
    /// # Errors
    /// The error of the last host, or the first refusal.
    pub async fn open(options: &ConnectOptions) -> Result<Self, BrokerError> {
        Self::open_any(options, &addresses(&options.url, PORT)).await
    }

    /// [`Self::open`] with other hosts of the same cluster.
    pub async fn open_any(
        options: &ConnectOptions,
        hosts: &[(String, u16)],
    ) -> Result<Self, BrokerError> {
        let mut failure = None;
        for (host, port) in hosts {
            let opening = Self::open_host(options, host, *port);
            let result = tokio::time::timeout(options.timeout, opening).await;
            let result = result.unwrap_or_else(|_| {
                Err(BrokerError::Dial(DialError::Silent {
                    peer: format!("{host}:{port}"),
                    limit: options.timeout,
                }))
            });
            match result {
                Err(error) if error.is_transient() => failure = Some(error),
                result => return result,
            }
        }
        Err(failure.expect("an address has at least one host"))
    }

    async fn open_host(
        options: &ConnectOptions,
        host: &str,
        port: u16,
    ) -> Result<Self, BrokerError> {
        let dialer = &options.dialer;
        let mut connection = Self {
            socket: dialer.connect(host, port, false).await?,
            input: BytesMut::with_capacity(PIECE),
            returned: 0,
            skipped: 0,
            output: Vec::new(),
            info: ServerInfo::default(),
            server: options.url.server(),
            max_message: options.max_message,
            timeout: options.timeout,
            inbox: None,
            requests: 0,
            opened: Timestamp::now(),
            caught_up: Timestamp::now(),
            last_error: None,
        };
        connection.info = connection.first_frame().await?;
        let secure = options.url.is_secure() || connection.info.tls_required;
        if secure {
            let socket = connection.socket;
            connection.socket = dialer.start_tls(socket, host, port).await?;
        }
        connection.log_in(&options.login, secure).await?;
        Ok(connection)
    }

    async fn first_frame(&mut self) -> Result<ServerInfo, BrokerError> {
        loop {
            let server = self.server.clone();
            match self.ready()? {
                Some(Frame::Info(json)) => {
                    return ServerInfo::parse(json).ok_or_else(|| BrokerError::Protocol {
                        server,
                        why: "its first line has no valid JSON".to_owned(),
                    });
                }
                Some(_) => {
                    return Err(BrokerError::Protocol {
                        server,
                        why: "its first line is not INFO".to_owned(),
                    });
                }
                None => self.fill().await?,
            }
        }
    }

    async fn log_in(&mut self, login: &Login, secure: bool) -> Result<(), BrokerError> {
        let mut connect = json!({
            "verbose": false, "pedantic": false, "tls_required": secure,
            "name": "evt", "lang": "rust", "version": env!("CARGO_PKG_VERSION"),
            "protocol": 1, "echo": true, "headers": true, "no_responders": true,
        });
        let user = login.user.as_deref();
        let password = login.password.as_ref().map(Secret::reveal);
        connect["user"] = user.into();
        connect["pass"] = password.into();
        // An address has a token in the place of the user.
        let token = login.token.as_ref().map(Secret::reveal);
        connect["auth_token"] = token.or(user.filter(|_| password.is_none())).into();
        if let Some(key) = &login.key {
            let key = Key::parse(key).ok_or_else(|| BrokerError::BadRequest {
                message: "the key is neither a seed (SU…) nor a credentials file".to_owned(),
                hint: "--creds FILE, or --nkey file:FILE with the seed of a user".to_owned(),
            })?;
            connect["sig"] = key.sign(&self.info.nonce).into();
            match &key.jwt {
                Some(jwt) => connect["jwt"] = jwt.as_str().into(),
                None => connect["nkey"] = key.public().into(),
            }
        }
        self.output
            .extend_from_slice(format!("CONNECT {connect}\r\n").as_bytes());
        self.confirm(&format!("the login {}", described(login)))
            .await
    }

    /// The server's name, version and capabilities.
    pub fn info(&self) -> &ServerInfo {
        &self.info
    }

    /// The server's address, for messages.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The time after which all messages that are lost with the connection were published: a second before the last time at
    /// which everything that had arrived was read, because messages were under way.
    pub fn caught_up(&self) -> Timestamp {
        const UNDER_WAY: i64 = 1000;
        let millis = self.caught_up.millis() - UNDER_WAY;
        Timestamp::from_millis(millis.max(self.opened.millis()))
    }

    /// The frames that are written by the next [`Self::flush`].
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Returns the next frame that has been read. A PING is answered by the next [`Self::flush`].
    ///
    /// # Errors
    /// The server does not speak the protocol.
    pub fn ready(&mut self) -> Result<Option<Frame<'_>>, BrokerError> {
        self.input.advance(std::mem::take(&mut self.returned));
        let skipped = self.skipped.min(self.input.len());
        self.input.advance(skipped);
        self.skipped -= skipped;
        let parsed = match nats::parse(&self.input, self.max_message) {
            _ if self.skipped > 0 => return Ok(None),
            Ok(parsed) => parsed,
            Err(error) => {
                return Err(BrokerError::Protocol {
                    server: self.server.clone(),
                    why: error.to_string(),
                });
            }
        };
        let Some((frame, length)) = parsed else {
            return Ok(None);
        };
        self.returned = length;
        match frame {
            Frame::Ping => self.output.extend_from_slice(b"PONG\r\n"),
            Frame::TooLarge { bytes } => self.skipped = bytes,
            Frame::Error(text) => {
                self.last_error = Some(String::from_utf8_lossy(text).into_owned());
            }
            Frame::Info(json) => {
                if let Some(info) = ServerInfo::parse(json) {
                    self.info.update(info);
                }
            }
            Frame::Message(_) | Frame::Pong | Frame::Ok => {}
        }
        Ok(Some(frame))
    }

    /// Writes what is to be sent, and waits for more input. Cancel safe, except that output may be written in part.
    ///
    /// # Errors
    /// [`BrokerError::Lost`] if the connection has ended.
    pub async fn fill(&mut self) -> Result<(), BrokerError> {
        self.flush().await?;
        self.read().await
    }

    /// Reads what has arrived; `None` if nothing has.
    ///
    /// # Errors
    /// [`BrokerError::Lost`] if the connection has ended.
    pub fn read_now(&mut self) -> Option<Result<(), BrokerError>> {
        self.read().now_or_never()
    }

    async fn read(&mut self) -> Result<(), BrokerError> {
        self.input.advance(std::mem::take(&mut self.returned));
        self.input.reserve(PIECE);
        let Self {
            socket,
            input,
            caught_up,
            ..
        } = self;
        let mut reading = pin!(socket.read_buf(input));
        let read = std::future::poll_fn(|cx| {
            let polled = reading.as_mut().poll(cx);
            if polled.is_pending() && has_budget_remaining() {
                *caught_up = Timestamp::now();
            }
            polled
        });
        let why = match read.await {
            Ok(0) => "the server closed the connection".to_owned(),
            Ok(_) => return Ok(()),
            Err(error) => error.to_string(),
        };
        Err(self.lost(why))
    }

    /// Writes what is to be sent.
    pub async fn flush(&mut self) -> Result<(), BrokerError> {
        if self.output.is_empty() {
            return Ok(());
        }
        let output = std::mem::take(&mut self.output);
        let written = async {
            self.socket.write_all(&output).await?;
            self.socket.flush().await
        };
        written.await.map_err(|error| self.lost(error.to_string()))
    }

    /// The error for a lost connection, with the server's last error if it sent one.
    fn lost(&self, why: String) -> BrokerError {
        BrokerError::Lost {
            why: match &self.last_error {
                Some(said) => format!("{why}; it said: {said}"),
                None => why,
            },
        }
    }

    /// Sends what is to be sent, and waits until the server has processed it. Messages that arrive meanwhile are discarded.
    ///
    /// # Errors
    /// The server's refusal of `what`.
    pub async fn confirm(&mut self, what: &str) -> Result<(), BrokerError> {
        self.output.extend_from_slice(b"PING\r\n");
        let timeout = self.timeout;
        let confirming = async {
            let mut refusal = None;
            loop {
                match self.ready()? {
                    Some(Frame::Pong) => return refusal.map_or(Ok(()), Err),
                    Some(Frame::Error(text)) => {
                        let text = String::from_utf8_lossy(text).into_owned();
                        refusal.get_or_insert(self.refusal(what, text));
                    }
                    Some(_) => {}
                    // After some errors the server closes the connection.
                    None => match (self.fill().await, refusal.take()) {
                        (Err(_), Some(refusal)) => return Err(refusal),
                        (result, earlier) => {
                            result?;
                            refusal = earlier;
                        }
                    },
                }
            }
        };
        match tokio::time::timeout(timeout, confirming).await {
            Ok(result) => result,
            Err(_) => Err(BrokerError::Lost {
                why: format!("no answer within {} s", timeout.as_secs_f64()),
            }),
        }
    }

    /// The error for the server's `-ERR`.
    pub fn refusal(&self, what: &str, message: String) -> BrokerError {
        let server = self.server.clone();
        let what = what.to_owned();
        let text = message.to_ascii_lowercase();
        let is_denied = ["authorization", "permissions", "authentication"]
            .iter()
            .any(|word| text.contains(word));
        match is_denied {
            true => BrokerError::Denied {
                server,
                what,
                message,
            },
            false => BrokerError::Refused {
                server,
                what,
                message,
                hint: "check the server's log and limits".to_owned(),
            },
        }
    }

    /// A new subject for replies to this connection only.
    pub fn new_inbox() -> String {
        format!("_INBOX.{:016x}{:08x}", fastrand::u64(..), fastrand::u32(..))
    }

    /// Sends a request and waits for the reply. Messages of subscriptions that arrive meanwhile are discarded.
    ///
    /// # Errors
    /// [`BrokerError::Denied`] if the request is not permitted, [`BrokerError::Lost`] also if the reply does not arrive in time.
    pub async fn request(
        &mut self,
        subject: &str,
        headers: &[u8],
        payload: &[u8],
    ) -> Result<Reply, BrokerError> {
        self.requests += 1;
        let prefix = match self.inbox.take() {
            Some(prefix) => prefix,
            None => {
                let prefix = Self::new_inbox();
                nats::subscribe(&mut self.output, &format!("{prefix}.*"), None, REPLIES);
                prefix
            }
        };
        let inbox = format!("{prefix}.{}", self.requests);
        self.inbox = Some(prefix);
        nats::publish(&mut self.output, subject, &inbox, headers, payload);
        let what = format!("a request to {subject}");
        let timeout = self.timeout;
        let waiting = async {
            loop {
                match self.ready()? {
                    Some(Frame::Message(message))
                        if message.sid == REPLIES && message.subject == inbox.as_bytes() =>
                    {
                        return Ok(Reply {
                            status: nats::status(message.headers),
                            payload: message.payload.to_vec(),
                        });
                    }
                    Some(Frame::Error(text)) => {
                        let text = String::from_utf8_lossy(text).into_owned();
                        return Err(self.refusal(&what, text));
                    }
                    Some(_) => {}
                    None => self.fill().await?,
                }
            }
        };
        let result = tokio::time::timeout(timeout, waiting).await;
        result.unwrap_or_else(|_| {
            Err(BrokerError::Lost {
                why: format!("no reply from {subject} within {} s", timeout.as_secs_f64()),
            })
        })
    }
}

/// The login for messages: `of user evt`, `with a token`.
fn described(login: &Login) -> String {
    match (&login.user, &login.token, &login.key) {
        (_, _, Some(_)) => "with a key".to_owned(),
        (_, Some(_), _) => "with a token".to_owned(),
        (Some(user), ..) => format!("of user {user}"),
        (None, None, None) => "without credentials".to_owned(),
    }
}
