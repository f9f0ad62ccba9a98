//! Bounds the sessions of the gateways: in all, those that began with polling, and those of a peer on another machine.
//!
//! A session that polls needs no open connection, so a web page or a script could leave any number of them behind. Engine.IO ends
//! a session whose client does not answer its pings or joins no namespace.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Maximum number of sessions.
pub(super) const MAX_SESSIONS: usize = 10_000;
/// Maximum number of sessions that began with polling. Clients that upgrade to WebSocket count, too.
const MAX_POLLING: usize = 1_000;
/// Maximum number of sessions of one peer that is not on this machine.
const MAX_OF_PEER: usize = 250;

#[derive(Default)]
pub(super) struct Sessions(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    all: usize,
    polling: usize,
    peers: HashMap<IpAddr, usize>,
}

/// A session that counts until this is dropped.
pub(super) struct Permit {
    sessions: Arc<Sessions>,
    is_polling: bool,
    peer: Option<IpAddr>,
}

impl Sessions {
    /// Counts a new session. Returns `None` if there are too many.
    pub(super) fn enter(
        self: &Arc<Self>,
        peer: Option<IpAddr>,
        is_polling: bool,
    ) -> Option<Permit> {
        let peer = peer.filter(|peer| !peer.to_canonical().is_loopback());
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_peer = peer.and_then(|peer| counts.peers.get(&peer).copied());
        if counts.all >= MAX_SESSIONS
            || (is_polling && counts.polling >= MAX_POLLING)
            || of_peer.unwrap_or(0) >= MAX_OF_PEER
        {
            return None;
        }
        counts.all += 1;
        counts.polling += usize::from(is_polling);
        if let Some(peer) = peer {
            *counts.peers.entry(peer).or_default() += 1;
        }
        Some(Permit {
            sessions: Arc::clone(self),
            is_polling,
            peer,
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self
            .sessions
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
        counts.polling -= usize::from(self.is_polling);
        if let Some(peer) = self.peer
            && let Some(count) = counts.peers.get_mut(&peer)
        {
            *count -= 1;
            if *count == 0 {
                counts.peers.remove(&peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(sessions: &Arc<Sessions>, peer: &str, is_polling: bool) -> Vec<Permit> {
        let peer = Some(peer.parse().unwrap());
        std::iter::from_fn(|| sessions.enter(peer, is_polling)).collect()
    }

    #[test]
    fn a_peer_on_another_machine_cannot_use_all_sessions() {
        let sessions = Arc::default();
        let first = fill(&sessions, "192.0.2.1", true);
        assert_eq!(first.len(), MAX_OF_PEER);
        assert_eq!(fill(&sessions, "192.0.2.2", false).len(), MAX_OF_PEER);
        drop(first);
        assert_eq!(fill(&sessions, "192.0.2.1", false).len(), MAX_OF_PEER);
        assert!(sessions.0.lock().unwrap().peers.is_empty());
    }

    #[test]
    fn polling_cannot_use_all_sessions() {
        let sessions = Arc::default();
        let polling = fill(&sessions, "127.0.0.1", true);
        assert_eq!(polling.len(), MAX_POLLING);
        let others = fill(&sessions, "127.0.0.1", false);
        assert_eq!(others.len(), MAX_SESSIONS - MAX_POLLING);
        drop(polling);
        assert_eq!(fill(&sessions, "::1", true).len(), MAX_POLLING);
    }
}
