//! From HTTP to another protocol on the same connection (RFC 9110, 7.8).

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use hyper_util::rt::TokioIo;

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
        let exchange = self.exchange_upgrade(opening, &peer, &mut is_connected);
        let result = tokio::time::timeout(limit, exchange).await;
        result.unwrap_or_else(|_| Err(late(peer, limit, is_connected)))
    }

    async fn exchange_upgrade(
        &self,
        opening: Opening,
        peer: &str,
        is_connected: &mut bool,
    ) -> Result<Upgrade, DialError> {
        let broken = |source: hyper::Error| DialError::Broken {
            peer: peer.to_owned(),
            source: Box::new(source),
        };
        let (mut answer, mut link) = self.exchange_open(opening, peer, is_connected).await?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Upgrade::Answered(Opened::of((answer, link))));
        }
        let switching = link.bring(hyper::upgrade::on(&mut answer)).await;
        let connection = switching.map_err(broken)?;
        let parts = connection
            .downcast::<TokioIo<Socket>>()
            .expect("the client was made on this type");
        Ok(Upgrade::Switched(Upgraded {
            headers: std::mem::take(answer.headers_mut()),
            socket: parts.io.into_inner(),
            start: parts.read_buf,
        }))
    }
}
