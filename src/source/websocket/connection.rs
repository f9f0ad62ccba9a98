//! Messages of RFC 6455 over one socket, polled by one task.

use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{
    CloseFrame, Message, Role, WebSocket, WebSocketConfig,
};

use crate::dial::{Socket, Upgraded};

/// Read at once, where so much is there.
const READ_BUFFER: usize = 64 * 1024;
/// Written at once, and without being asked to from here on.
const WRITE_BUFFER: usize = 64 * 1024;
/// Answers to pings that may wait for a peer which does not read them.
const UNREAD_PONGS: usize = 256 * 1024;
/// The longest head of a frame (RFC 6455, 5.2).
const HEAD: usize = 14;
/// How long a close may take: what was asked to stop has stopped within a second.
const PARTING: Duration = Duration::from_millis(800);

/// A connection. It has one waker where tokio-tungstenite's own stream has four for the sake of two tasks, and says when
/// nothing more is there: so many messages are taken for one wake-up.
///
/// Failures to write are told by nobody: what the peer sent before it went, its close above all, is still to be read.
pub(in crate::source) struct Connection {
    frames: WebSocket<Pipe>,
    outgoing: Outgoing,
    /// Bytes of messages sent since nothing had to wait.
    waiting: usize,
}

/// How it stands with what was sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outgoing {
    Written,
    /// It waits for the peer to read.
    Waiting,
    /// Nothing can be written any more.
    Broken,
}

/// The socket as tungstenite wants it: what has to wait is an error.
struct Pipe {
    socket: Socket,
    waker: Waker,
    /// A write has had to wait: what is written now has been made room for by the peer.
    is_full: bool,
    signs: u64,
}

impl Connection {
    /// Messages and frames over `max_message` bytes are errors.
    pub(in crate::source) fn new(upgraded: Upgraded, max_message: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            .max_write_buffer_size(2 * WRITE_BUFFER + UNREAD_PONGS)
            .max_message_size(Some(max_message))
            .max_frame_size(Some(max_message));
        let pipe = Pipe {
            socket: upgraded.socket,
            waker: Waker::noop().clone(),
            is_full: false,
            signs: 0,
        };
        let start = upgraded.start.to_vec();
        Self {
            frames: WebSocket::from_partially_read(pipe, start, Role::Client, Some(config)),
            outgoing: Outgoing::Written,
            waiting: 0,
        }
    }

    /// Bytes that came, and bytes that had to wait and were taken: more of either than before is a sign of life.
    pub(super) fn signs(&self) -> u64 {
        self.frames.get_ref().signs
    }

    /// Whether what was sent waits for the peer to read.
    pub(in crate::source) fn is_blocked(&self) -> bool {
        self.outgoing == Outgoing::Waiting
    }

    /// The next message; what waits to be written is written meanwhile, pings are answered. `None`: it no longer
    /// [is blocked](Self::is_blocked), and more may be sent.
    ///
    /// Cancel safe. With `in_turn` nothing is read before all that was sent is written.
    pub(in crate::source) async fn next(
        &mut self,
        in_turn: bool,
    ) -> Option<Result<Message, Error>> {
        poll_fn(|cx| {
            self.frames.get_mut().waker.clone_from(cx.waker());
            if self.is_blocked() {
                self.flush();
                if !self.is_blocked() {
                    return Poll::Ready(None);
                }
            }
            match self.ready(in_turn) {
                None => Poll::Pending,
                message => Poll::Ready(message),
            }
        })
        .await
    }

    /// A message that is there already.
    pub(in crate::source) fn ready(&mut self, in_turn: bool) -> Option<Result<Message, Error>> {
        if in_turn && self.is_blocked() {
            return None;
        }
        match pending(self.frames.read()) {
            Poll::Ready(message) => Some(message),
            Poll::Pending => None,
        }
    }

    /// Sends a message with the next [`Self::flush`], or sooner. Where it [is blocked](Self::is_blocked) the buffer grows by
    /// it, but for pings and pongs: they are left out then.
    pub(in crate::source) fn send(&mut self, message: Message) {
        if self.outgoing == Outgoing::Broken {
            return;
        }
        let is_sign = message.is_ping() || message.is_pong();
        if is_sign && self.is_blocked() {
            return;
        }
        if !is_sign {
            // A message for which there is no room would break the connection, and nobody would be told.
            self.waiting += message.len() + HEAD;
            let needed = self.waiting + 2 * WRITE_BUFFER + UNREAD_PONGS;
            self.frames.set_config(|config| {
                config.max_write_buffer_size = config.max_write_buffer_size.max(needed);
            });
        }
        let written = self.frames.write(message);
        self.note(pending(written));
    }

    /// Writes what was sent, as far as the peer reads.
    pub(in crate::source) fn flush(&mut self) {
        if self.outgoing != Outgoing::Broken {
            let flushed = self.frames.flush();
            self.note(pending(flushed));
        }
    }

    fn note(&mut self, written: Poll<Result<(), Error>>) {
        if written.is_ready() {
            self.waiting = 0;
        }
        self.outgoing = match written {
            Poll::Ready(Ok(())) => Outgoing::Written,
            Poll::Ready(Err(_)) => Outgoing::Broken,
            Poll::Pending => Outgoing::Waiting,
        };
    }

    /// Closes with a code, and waits until the peer has closed too, for 800 ms at the most: a connection that is dropped with
    /// unread bytes is reset, and the peer might never see the code.
    pub(in crate::source) async fn close(mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame {
            code: CloseCode::from(code),
            reason: reason.into(),
        };
        let parting = async {
            // A close that has to wait is queued, and written with the rest.
            if let Poll::Ready(Err(_)) = pending(self.frames.close(Some(frame))) {
                return;
            }
            if self.flushed().await.is_ok() {
                self.drain().await;
            }
        };
        let _ = tokio::time::timeout(PARTING, parting).await;
    }

    /// Answers the peer's close, for 800 ms at the most.
    pub(super) async fn answer_close(mut self) {
        let _ = tokio::time::timeout(PARTING, self.flushed()).await;
    }

    async fn flushed(&mut self) -> Result<(), Error> {
        poll_fn(|cx| {
            self.frames.get_mut().waker.clone_from(cx.waker());
            pending(self.frames.flush())
        })
        .await
    }

    /// Reads and forgets until the peer closes the connection. Bytes, because after an error nothing says where a frame begins.
    async fn drain(&mut self) {
        let mut forgotten = [0; 8192];
        let socket = &mut self.frames.get_mut().socket;
        while let Ok(1..) = socket.read(&mut forgotten).await {}
    }
}

/// What has to wait is no error here.
fn pending<T>(result: Result<T, Error>) -> Poll<Result<T, Error>> {
    match result {
        Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        other => Poll::Ready(other),
    }
}

fn would_block<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut cx = Context::from_waker(&self.waker);
        let mut buffer = ReadBuf::new(into);
        would_block(Pin::new(&mut self.socket).poll_read(&mut cx, &mut buffer))?;
        self.signs += buffer.filled().len() as u64;
        Ok(buffer.filled().len())
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut cx = Context::from_waker(&self.waker);
        let poll = Pin::new(&mut self.socket).poll_write(&mut cx, bytes);
        if let (true, Poll::Ready(Ok(written))) = (self.is_full, &poll) {
            self.signs += *written as u64;
        }
        self.is_full = poll.is_pending();
        would_block(poll)
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut cx = Context::from_waker(&self.waker);
        would_block(Pin::new(&mut self.socket).poll_flush(&mut cx))
    }
}
