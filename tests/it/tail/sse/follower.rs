//! Follows one connection at a time without the loop that reconnects.

use std::sync::Arc;
use std::time::Duration;

use evt::dial::{AddressPolicy, Dialer};
use evt::source::{
    Authorisation, CONNECT_TIMEOUT, ConnectionLoss, Cx, Ended, Pulse, Source, SourceError, Sse,
    SseOptions,
};
use evt::time::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio_util::sync::CancellationToken;

use crate::support::Recorder;

/// Maximum size of one event in these tests.
pub(crate) const LIMIT: usize = 8 << 20;

/// One stream.
pub(crate) struct Follower {
    pub(crate) source: Sse,
    pub(crate) recorder: Recorder,
    pub(crate) stop: CancellationToken,
    /// Set after a loss, as the loop around a source does.
    loss: Option<ConnectionLoss>,
}

/// The options that most tests need.
pub(crate) fn options(url: &str) -> SseOptions {
    SseOptions {
        url: url.parse().unwrap(),
        credentials: Arc::new(|| Ok(Authorisation::default())),
        last_event_id: None,
        max_message: LIMIT,
        is_one_answer: false,
        until_end: false,
        idle: None,
        connect_timeout: CONNECT_TIMEOUT,
    }
}

/// Credentials that send these headers.
pub(crate) fn sending(headers: &[(&'static str, &'static str)]) -> evt::source::Credentials {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect();
    Arc::new(move || {
        Ok(Authorisation {
            headers: headers.clone(),
            ..Authorisation::default()
        })
    })
}

impl Follower {
    pub(crate) fn new(options: SseOptions) -> Self {
        Self {
            source: Sse::new(options, Dialer::new(AddressPolicy::Local)),
            recorder: Recorder::default(),
            stop: CancellationToken::new(),
            loss: None,
        }
    }

    /// Follows one connection until it ends.
    ///
    /// # Panics
    /// After a minute.
    pub(crate) async fn connection(&mut self) -> Result<Ended, SourceError> {
        let mut cx = Cx {
            outlet: &mut self.recorder,
            stop: self.stop.clone(),
            input: None,
            pulse: Arc::new(Pulse::default()),
            loss: self.loss.take(),
            reconnects: 0,
        };
        let run = self.source.run(&mut cx);
        let ended = tokio::time::timeout(Duration::from_secs(60), run)
            .await
            .expect("the connection ends");
        self.loss = cx.loss.take();
        if let Ok(Ended::Lost { why, .. }) = &ended {
            let why = why.clone();
            self.loss.get_or_insert_with(|| ConnectionLoss {
                since: Timestamp::now(),
                why,
            });
        }
        ended
    }

    /// Follows one connection until it is lost, and returns the delay that the server requested.
    ///
    /// # Panics
    /// If the connection ends in another way.
    pub(crate) async fn lost(&mut self) -> Duration {
        match self.connection().await {
            Ok(Ended::Lost { min_delay, .. }) => min_delay,
            other => panic!("{other:?}"),
        }
    }

    /// Returns whether a loss has not been explained yet.
    pub(crate) fn is_unexplained(&self) -> bool {
        self.loss.is_some()
    }
}
