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

/// Size of one read.
const READ_BUFFER: usize = 64 * 1024;
/// Pending bytes at which tungstenite writes without a flush.
const WRITE_BUFFER: usize = 64 * 1024;
/// Limit for replies to pings that the peer does not read.
const UNREAD_PONGS: usize = 256 * 1024;
/// The longest frame header (RFC 6455, 5.2).
const HEAD: usize = 14;
/// The longest close frame of a server (RFC 6455, 5.5).
const CLOSE_FRAME: usize = 2 + 125;
/// Time limit for closing. Together with the rest it stays below the second that a source has to stop.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(800);

/// A WebSocket connection. It has one waker where tokio-tungstenite's stream has four (for two tasks), and it reports
/// when no more messages have arrived, so that many messages are handled per wake-up.
///
/// Write errors are not reported, because what the peer sent before it closed, and above all its close frame, still has
/// to be read.
pub(in crate::source) struct Connection {
    frames: WebSocket<Pipe>,
    outgoing: Outgoing,
    /// Bytes queued since the last time nothing was pending.
    waiting: usize,
}

/// State of the send buffer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outgoing {
    Written,
    /// The peer has to read before more can be written.
    Waiting,
    /// Writing failed.
    Broken,
}

/// The socket in the form that tungstenite expects: an operation that would block is an error.
struct Pipe {
    socket: Socket,
    waker: Waker,
    /// A write had to wait. A later successful write shows that the peer has read.
    is_full: bool,
    activity: u64,
    /// The last bytes that were read, at most [`CLOSE_FRAME`].
    tail: Vec<u8>,
}

impl Connection {
    /// Messages and frames larger than `max_message` bytes are errors.
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
            activity: 0,
            tail: upgraded.start[upgraded.start.len().saturating_sub(CLOSE_FRAME)..].to_vec(),
        };
        let start = upgraded.start.to_vec();
        Self {
            frames: WebSocket::from_partially_read(pipe, start, Role::Client, Some(config)),
            outgoing: Outgoing::Written,
            waiting: 0,
        }
    }

    /// A counter that grows with each byte that arrives, and with each byte written after the peer made room. Growth
    /// means that the peer is alive.
    pub(super) fn activity(&self) -> u64 {
        self.frames.get_ref().activity
    }

    /// Returns whether the input ends with a close frame that has this code. tungstenite does not know all of the codes
    /// that are registered, and then reports another one.
    pub(super) fn ends_with_close(&self, code: u16) -> bool {
        let tail = &self.frames.get_ref().tail;
        (2..=125_u8).any(|length| {
            let [high, low] = code.to_be_bytes();
            let start = tail.len().checked_sub(2 + usize::from(length));
            start.is_some_and(|start| tail[start..].starts_with(&[0x88, length, high, low]))
        })
    }

    /// Returns whether sent messages are waiting for the peer to read.
    pub(in crate::source) fn is_blocked(&self) -> bool {
        self.outgoing == Outgoing::Waiting
    }

    /// Waits for the next message. Meanwhile pending messages are written and pings are answered. `None`: the
    /// connection no longer [is blocked](Self::is_blocked), so more may be sent.
    ///
    /// Cancel safe. With `in_turn` it reads only after everything is written.
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

    /// Returns a message that has already arrived.
    pub(in crate::source) fn ready(&mut self, in_turn: bool) -> Option<Result<Message, Error>> {
        if in_turn && self.is_blocked() {
            return None;
        }
        match pending(self.frames.read()) {
            Poll::Ready(message) => Some(message),
            Poll::Pending => None,
        }
    }

    /// Queues a message, which is written by the next [`Self::flush`] at the latest. While the connection [is
    /// blocked](Self::is_blocked) the buffer grows; pings and pongs are dropped instead.
    pub(in crate::source) fn send(&mut self, message: Message) {
        if self.outgoing == Outgoing::Broken {
            return;
        }
        let is_sign = message.is_ping() || message.is_pong();
        if is_sign && self.is_blocked() {
            return;
        }
        if !is_sign {
            // A message that exceeds the buffer would break the connection without an error, so the buffer is enlarged
            // first.
            self.waiting += message.len() + HEAD;
            let needed = self.waiting + 2 * WRITE_BUFFER + UNREAD_PONGS;
            self.frames.set_config(|config| {
                config.max_write_buffer_size = config.max_write_buffer_size.max(needed);
            });
        }
        let written = self.frames.write(message);
        self.note(pending(written));
    }

    /// Writes queued messages, as far as the peer reads.
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

    /// Sends a close frame and waits up to 800 ms for the peer to close. A connection that is dropped with unread bytes
    /// is reset, and the peer might never see the code.
    pub(in crate::source) async fn close(mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame {
            code: CloseCode::from(code),
            reason: reason.into(),
        };
        let closing = async {
            // A close frame that cannot be written immediately is queued.
            if let Poll::Ready(Err(_)) = pending(self.frames.close(Some(frame))) {
                return;
            }
            if self.flushed().await.is_ok() {
                self.drain().await;
            }
        };
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, closing).await;
    }

    /// Replies to the peer's close frame, within 800 ms.
    pub(super) async fn answer_close(mut self) {
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.flushed()).await;
    }

    async fn flushed(&mut self) -> Result<(), Error> {
        poll_fn(|cx| {
            self.frames.get_mut().waker.clone_from(cx.waker());
            pending(self.frames.flush())
        })
        .await
    }

    /// Discards input until the peer closes the connection. It reads bytes, because after an error frame boundaries are
    /// unknown.
    async fn drain(&mut self) {
        let mut forgotten = [0; 8192];
        let socket = &mut self.frames.get_mut().socket;
        while let Ok(1..) = socket.read(&mut forgotten).await {}
    }
}

/// Converts an operation that would block.
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
        let read = buffer.filled();
        self.activity += read.len() as u64;
        let new = &read[read.len().saturating_sub(CLOSE_FRAME)..];
        let old = (self.tail.len() + new.len()).saturating_sub(CLOSE_FRAME);
        self.tail.drain(..old);
        self.tail.extend_from_slice(new);
        Ok(read.len())
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut cx = Context::from_waker(&self.waker);
        let poll = Pin::new(&mut self.socket).poll_write(&mut cx, bytes);
        if let (true, Poll::Ready(Ok(written))) = (self.is_full, &poll) {
            self.activity += *written as u64;
        }
        self.is_full = poll.is_pending();
        would_block(poll)
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut cx = Context::from_waker(&self.waker);
        would_block(Pin::new(&mut self.socket).poll_flush(&mut cx))
    }
}
