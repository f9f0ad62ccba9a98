//! The stream of bytes below HTTP: TCP, TLS, a Unix socket, or a connection to a proxy.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
#[cfg(target_os = "linux")]
use std::time::Duration;

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// How long a connection is silent before the system probes it, and the interval between probes.
#[cfg(target_os = "linux")]
const KEEPALIVE: Duration = Duration::from_secs(15);

/// A connected stream of any kind.
pub(super) enum Stream {
    Tcp(TcpStream),
    /// Over TCP, a tunnel, or a secure connection to a proxy.
    Tls(Box<TlsStream<Stream>>),
    /// To a proxy that reads requests with a whole URL.
    Forwarded(Box<Stream>),
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
                Self::Tls(tls) => return tls.get_ref().0.enable_keepalive(),
                Self::Forwarded(inner) => return inner.enable_keepalive(),
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
            Stream::Forwarded($stream) => $call,
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
            Self::Forwarded(inner) => inner.is_write_vectored(),
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
        // The client then writes the whole URL into the request line.
        Connected::new().proxy(matches!(self, Self::Forwarded(_)))
    }
}
