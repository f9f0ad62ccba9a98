//! Servers that accept a connection but speak another protocol.

use std::sync::Arc;
use std::time::Duration;

use evt::dial::DialError;
use evt::source::{Authorisation, Reconnect, SourceError};
use futures_util::SinkExt;
use tokio_tungstenite::tungstenite::Message as Frame;

use super::peer::{Following, KINDS, Kind, Peer, Recorder};

#[tokio::test]
async fn a_server_that_accepts_and_does_not_respond_times_out() {
    for kind in KINDS {
        let peer = Peer::start(kind).await;
        let limit = Duration::from_millis(200);
        let credentials = Arc::new(|| Ok(Authorisation::default()));
        let source = kind.source_within(peer.address(), credentials, limit);
        let following = Following::start(source, Recorder::default(), Reconnect::AfterLoss);
        let _held = peer.stream().await;
        let (end, _) = following.ended().await;
        let error = end.expect_err("the server did not respond");
        let words = format!(
            "{} accepted the connection and did not answer within 0.2 s",
            peer.address()
        );
        assert_eq!(error.to_string(), words, "{kind:?}");
        assert!(
            matches!(error, SourceError::Dial(DialError::Silent { .. })),
            "{kind:?}: {error:?}"
        );
    }
}

#[test]
fn the_target_of_socket_io_can_be_typed_again() {
    let at = "127.0.0.1:5810".parse().unwrap();
    let target = Kind::SocketIo.source(at).target();
    assert_eq!(target, "socketio+http://127.0.0.1:5810/");
}

fn follow_socket_io(peer: &Peer) -> Following {
    let source = Kind::SocketIo.source(peer.address());
    Following::start(source, Recorder::default(), Reconnect::AfterLoss)
}

#[tokio::test]
async fn a_plain_websocket_is_not_socket_io() {
    let peer = Peer::start(Kind::WebSocket).await;
    let following = follow_socket_io(&peer);
    let stream = peer.stream().await;
    let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
    socket.send(Frame::text("hello")).await.unwrap();
    let error = following.ended().await.0.expect_err("it is not Socket.IO");
    let SourceError::NotEngineIo {
        target,
        is_websocket,
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(target, format!("http://{}", peer.address()));
    assert!(is_websocket);
}

#[tokio::test]
async fn a_server_without_socket_io_at_the_path_is_recognized() {
    for status in ["404 Not Found", "400 Bad Request", "426 Upgrade Required"] {
        let peer = Peer::start(Kind::SocketIo).await;
        let following = follow_socket_io(&peer);
        peer.refuse(status).await;
        let error = following.ended().await.0.expect_err("it is not Socket.IO");
        let SourceError::NotEngineIo {
            why, is_websocket, ..
        } = error
        else {
            panic!("{error:?}");
        };
        assert_eq!(why, format!("it answered {status}"));
        assert!(!is_websocket);
    }
}

#[tokio::test]
async fn an_event_stream_at_a_websocket_s_url_is_recognized() {
    let peer = Peer::start(Kind::Sse).await;
    let source = Kind::WebSocket.source(peer.address());
    let following = Following::start(source, Recorder::default(), Reconnect::AfterLoss);
    let _link = peer.accept().await;
    let error = following.ended().await.0.expect_err("it is no WebSocket");
    let SourceError::NotAStream {
        target,
        content_type,
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(target, format!("ws://{}/", peer.address()));
    assert_eq!(content_type, "text/event-stream");
}

#[tokio::test]
async fn a_websocket_at_an_event_stream_s_url_is_a_426() {
    let peer = Peer::start(Kind::Sse).await;
    let source = Kind::Sse.source(peer.address());
    let following = Following::start(source, Recorder::default(), Reconnect::AfterLoss);
    peer.refuse("426 Upgrade Required").await;
    let error = following.ended().await.0.expect_err("it is a WebSocket");
    let SourceError::Refused { target, status, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(target, format!("http://{}/", peer.address()));
    assert_eq!(status.as_u16(), 426);
}
