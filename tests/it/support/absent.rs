//! An app that is not there, on a port that nobody else can take meanwhile.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// A port of 127.0.0.1 that refuses connections for as long as the value lives.
pub(crate) struct Absent {
    /// Bound and not listening: the port is refused to whoever calls it, and not given to whoever asks for a free one.
    _holds: TcpSocket,
    address: SocketAddr,
}

impl Absent {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket
            .bind((Ipv4Addr::LOCALHOST, 0).into())
            .expect("a free port");
        let address = socket.local_addr().expect("a bound socket has an address");
        Self {
            _holds: socket,
            address,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}
