//! From HTTP to another protocol on the same connection (RFC 9110, 7.8).

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::stream::late;
use super::{DialError, Dialer, Opened, Opening, Socket, peer_of};
use crate::grammar::target::Target;

/// What a server answered to the wish for another protocol.
pub enum Upgrade {
    /// 101: the connection is the other protocol's.
    Switched(Upgraded),
    /// Any other answer.
    Answered(Opened),
}

/// A connection after 101.
pub struct Upgraded {
    pub headers: HeaderMap,
    pub socket: Socket,
    /// What the server sent right behind its answer.
    pub start: Bytes,
}

impl Dialer {
    /// Sends one request that asks for another protocol, on a connection of its own; redirects are not followed.
    ///
    /// Cancel safe: dropping the future closes the connection.
    pub async fn upgrade(&self, opening: Opening) -> Result<Upgrade, DialError> {
        let peer = peer_of(&Target::Url(opening.url.clone()));
        let limit = opening.timeout;
        let mut is_connected = false;
        let exchange = self.ask(opening, &peer, &mut is_connected);
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
            Err(_) => Err(late(peer, limit, is_connected)),
        }
    }
}
