//! Switches from HTTP to another protocol on the same connection (RFC 9110, 7.8).

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::stream::timed_out;
use super::{DialError, Dialer, Opened, Opening, Socket, peer_of};
use crate::grammar::target::Target;

/// The response to a request for another protocol.
pub enum Upgrade {
    /// 101: the connection now uses the other protocol.
    Switched(Upgraded),
    /// Any other response.
    Answered(Opened),
}

/// A connection after 101.
pub struct Upgraded {
    pub headers: HeaderMap,
    pub socket: Socket,
    /// Bytes that the server sent directly after its response.
    pub start: Bytes,
}

impl Dialer {
    /// Requests another protocol on a separate connection. Redirects are not followed.
    ///
    /// Cancel safe: dropping the future closes the connection.
    pub async fn upgrade(&self, opening: Opening) -> Result<Upgrade, DialError> {
        let peer = peer_of(&Target::Url(opening.url.clone()));
        let limit = opening.timeout;
        let mut is_connected = false;
        let exchange = self.ask(opening, &peer, true, &mut is_connected);
        match tokio::time::timeout(limit, exchange).await {
            Ok(Ok((StatusCode::SWITCHING_PROTOCOLS, headers, rest))) => {
                let (socket, start) = rest.into_parts();
                Ok(Upgrade::Switched(Upgraded {
                    headers,
                    socket,
                    start,
                }))
            }
            Ok(Ok((status, headers, rest))) => {
                Ok(Upgrade::Answered(Opened::own(status, headers, rest)))
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(timed_out(peer, limit, is_connected)),
        }
    }
}
