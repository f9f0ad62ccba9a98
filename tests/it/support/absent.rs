//! A port that refuses connections and that no other process can take.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// A port of 127.0.0.1 that refuses connections for as long as the value lives.
pub(crate) struct Absent {
    /// Bound but not listening: clients are refused, and the system does not assign the port to another process.
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
