//! Signs of life.

use std::sync::Arc;

use evt::source::{Cx, Pulse};
use evt::time::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::peer::{KINDS, Observed, PATIENCE, Peer, Recorder};

#[tokio::test(flavor = "current_thread")]
async fn the_end_of_a_connection_is_not_a_sign_of_life() {
    for kind in KINDS {
        let peer = Peer::start(kind).await;
        let mut source = kind.source(peer.address());
        let pulse = Arc::new(Pulse::default());
        let (sender, mut observed) = mpsc::unbounded_channel();
        let own = Arc::clone(&pulse);
        let task = tokio::spawn(async move {
            let mut recorder = Recorder {
                observed: Some(sender),
                ..Recorder::default()
            };
            let mut cx = Cx {
                outlet: &mut recorder,
                stop: CancellationToken::new(),
                input: None,
                pulse: own,
                loss: None,
                reconnects: 0,
            };
            source.run(&mut cx).await
        });
        let mut link = peer.accept().await;
        link.send("1").await.unwrap();
        while !matches!(observed.recv().await, Some(Observed::Message(_))) {}
        let last = pulse.last_sign().expect("it is open");
        while Timestamp::now() <= last {
            tokio::task::yield_now().await;
        }
        link.close().await;
        let ended = tokio::time::timeout(PATIENCE, task).await;
        assert!(ended.is_ok(), "{kind:?}");
        assert_eq!(pulse.last_sign(), Some(last), "{kind:?}");
    }
}
