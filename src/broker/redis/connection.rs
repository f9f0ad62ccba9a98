//! A connection with its read buffer.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};

use super::RedisOptions;
use crate::broker::BrokerError;
use crate::dial::Socket;
use crate::wire::resp::{self, Command, Malformed, Opening, Value};

/// Size of the read buffer, and of one read. It grows only for a larger value.
const READ: usize = 64 * 1024;

/// A connection. Values are borrowed from its read buffer.
pub struct Connection {
    socket: Socket,
    host: String,
    /// Scheme, host and port.
    server: String,
    timeout: Duration,
    max_text: usize,
    buffer: Vec<u8>,
    /// The part of the buffer that has arrived and is not read.
    start: usize,
    end: usize,
    received: u64,
    /// Bytes that arrived since the client last had to wait for some.
    backlog: u64,
}

impl Connection {
    pub(super) fn new(socket: Socket, host: &str, port: u16, options: &RedisOptions) -> Self {
        let scheme = if options.url.is_secure() {
            "rediss"
        } else {
            "redis"
        };
        let bracketed = match host.contains(':') {
            true => format!("[{host}]"),
            false => host.to_owned(),
        };
        Self {
            socket,
            host: host.to_owned(),
            server: format!("{scheme}://{bracketed}:{port}"),
            timeout: options.timeout,
            max_text: options.max_text,
            buffer: vec![0; READ],
            start: 0,
            end: 0,
            received: 0,
            backlog: 0,
        }
    }

    /// The server, for messages.
    pub fn server(&self) -> &str {
        &self.server
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    /// How many bytes have arrived.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// How many bytes were read since the client last had to wait for some. A large number means that it is behind the server.
    pub fn backlog(&self) -> u64 {
        self.backlog
    }

    /// How many bytes have arrived and are not read.
    pub fn unread(&self) -> usize {
        self.end - self.start
    }

    /// Sends commands, without waiting for answers.
    ///
    /// # Errors
    /// [`BrokerError::Lost`].
    pub async fn send(&mut self, commands: &[Command]) -> Result<(), BrokerError> {
        let mut out = Vec::new();
        for command in commands {
            command.write(&mut out);
        }
        let sending = async {
            self.socket.write_all(&out).await?;
            self.socket.flush().await
        };
        match tokio::time::timeout(self.timeout, sending).await {
            Ok(sent) => sent.map_err(|error| lost(&error)),
            Err(_) => Err(silent(self.timeout)),
        }
    }

    /// Sends a command and returns its answer, which may be an error of the server. Pushed values before it are skipped.
    ///
    /// # Errors
    /// The connection is lost, or the server does not speak the protocol.
    pub async fn ask(&mut self, command: &Command) -> Result<Value<'_>, BrokerError> {
        self.send(std::slice::from_ref(command)).await?;
        self.answer().await
    }

    /// The next value that is not pushed, within the time limit.
    ///
    /// # Errors
    /// Like [`Self::ask`].
    pub async fn answer(&mut self) -> Result<Value<'_>, BrokerError> {
        let limit = self.timeout;
        let length = tokio::time::timeout(limit, self.wait_for_answer()).await;
        length.unwrap_or_else(|_| Err(silent(limit)))?;
        match self.ready()? {
            Some(value) => Ok(value),
            None => Err(silent(limit)),
        }
    }

    async fn wait_for_answer(&mut self) -> Result<(), BrokerError> {
        loop {
            match self.ready_length()? {
                Some((false, _)) => return Ok(()),
                Some((true, length)) => self.start += length,
                None => self.fill().await?,
            }
        }
    }

    /// Whether the next value is pushed, and its length, if it has arrived.
    fn ready_length(&self) -> Result<Option<(bool, usize)>, BrokerError> {
        let decoded = resp::decode(&self.buffer[self.start..self.end], self.max_text);
        let decoded = decoded.map_err(|error| malformed(&self.server, error))?;
        Ok(decoded.map(|(value, length)| (matches!(value, Value::Push(_)), length)))
    }

    /// The next value, if it has arrived completely.
    ///
    /// # Errors
    /// The input is not RESP, or a string is too large.
    pub fn ready(&mut self) -> Result<Option<Value<'_>>, BrokerError> {
        match resp::decode(&self.buffer[self.start..self.end], self.max_text) {
            Ok(Some((value, length))) => {
                self.start += length;
                Ok(Some(value))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(malformed(&self.server, error)),
        }
    }

    /// Reads the start of the next value if it is a list or null, so that long replies can be read element by element. `None`:
    /// more input is needed.
    ///
    /// # Errors
    /// The input is not RESP.
    pub fn open(&mut self) -> Result<Option<Opening>, BrokerError> {
        match resp::open(&self.buffer[self.start..self.end]) {
            Ok(Some((opening, length))) => {
                self.start += length;
                Ok(Some(opening))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(malformed(&self.server, error)),
        }
    }

    /// Waits for more input. Cancel safe.
    ///
    /// # Errors
    /// The connection is lost, or the value at the start of the buffer is too large.
    pub async fn fill(&mut self) -> Result<(), BrokerError> {
        self.make_room()?;
        let mut room = ReadBuf::new(&mut self.buffer[self.end..]);
        let mut has_waited = false;
        let read = poll_fn(|cx| {
            let poll = Pin::new(&mut self.socket).poll_read(cx, &mut room);
            has_waited |= poll.is_pending();
            poll
        })
        .await
        .map(|()| room.filled().len());
        if has_waited {
            self.backlog = 0;
        }
        match read {
            Ok(0) => Err(BrokerError::Lost {
                why: "the server closed the connection".to_owned(),
            }),
            Ok(count) => {
                self.end += count;
                self.received += count as u64;
                self.backlog += count as u64;
                Ok(())
            }
            Err(error) => Err(lost(&error)),
        }
    }

    /// Waits for more input and drops it.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn fill_and_discard(&mut self) -> Result<(), BrokerError> {
        (self.start, self.end) = (0, 0);
        self.fill().await
    }

    fn make_room(&mut self) -> Result<(), BrokerError> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.buffer.len() > READ {
                self.buffer.truncate(READ);
                self.buffer.shrink_to_fit();
            }
        } else if self.buffer.len() - self.end < READ / 4 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if self.buffer.len() - self.end < READ / 4 {
                let longest = self.max_text + READ;
                if self.end >= longest {
                    return Err(BrokerError::TooLarge {
                        limit: self.max_text,
                    });
                }
                self.buffer
                    .resize((self.buffer.len() * 2).min(longest + READ), 0);
            }
        }
        Ok(())
    }
}

fn lost(error: &io::Error) -> BrokerError {
    BrokerError::Lost {
        why: error.to_string(),
    }
}

fn silent(limit: Duration) -> BrokerError {
    BrokerError::Lost {
        why: format!("no answer within {} s", limit.as_secs_f64()),
    }
}

fn malformed(server: &str, error: Malformed) -> BrokerError {
    match error {
        Malformed::TooLarge { limit } => BrokerError::TooLarge { limit },
        Malformed::Syntax(why) => BrokerError::Protocol {
            server: server.to_owned(),
            why: why.to_owned(),
        },
    }
}
