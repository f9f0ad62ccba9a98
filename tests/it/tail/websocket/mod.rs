//! The WebSocket source with npm `ws` and with raw bytes.

mod frames;
mod peer;

use std::sync::Arc;
use std::time::Duration;

use evt::dial::{AddressPolicy, Dialer};
use evt::source::{
    Authorisation, CONNECT_TIMEOUT, Cx, Ended, Outgoing, Outlet, Pulse, Source, SourceError,
    WebSocket, WebSocketOptions,
};
use tokio_util::sync::CancellationToken;

use crate::support::Recorder;

/// Longer than any of these tests, for timers that must not fire.
const LONG: Duration = Duration::from_secs(60);

fn options(url: &str) -> WebSocketOptions {
    WebSocketOptions {
        url: url.parse().unwrap(),
        credentials: Arc::new(|| Ok(Authorisation::default())),
        subprotocols: Vec::new(),
        send_on_connect: Vec::new(),
        echo: false,
        follow_redirects: false,
        max_message: 1 << 20,
        ping: LONG,
        until_end: false,
        connect_timeout: CONNECT_TIMEOUT,
    }
}

fn source(options: WebSocketOptions) -> WebSocket {
    WebSocket::new(options, Dialer::new(AddressPolicy::Local))
}

fn cx(outlet: &mut dyn Outlet) -> Cx<'_> {
    Cx {
        outlet,
        stop: CancellationToken::new(),
        input: None,
        pulse: Arc::new(Pulse::default()),
        loss: None,
        reconnects: 0,
    }
}

/// Follows one connection until it ends.
async fn once(options: WebSocketOptions, recorder: &mut Recorder) -> Result<Ended, SourceError> {
    source(options).run(&mut cx(recorder)).await
}

fn text(text: &str) -> Outgoing {
    Outgoing::Text(text.to_owned())
}
