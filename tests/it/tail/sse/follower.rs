//! Follows one connection at a time without the loop that reconnects, and records what the source passes on.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use evt::dial::{AddressPolicy, Dialer};
use evt::source::{
    Authorisation, BoxFuture, CONNECT_TIMEOUT, ConnectionLoss, Cx, Ended, Gap, Message, Notice,
    Outlet, Pulse, Source, SourceError, Sse, SseOptions,
};
use evt::time::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio_util::sync::CancellationToken;

/// Maximum size of one event in these tests.
pub(crate) const LIMIT: usize = 8 << 20;

/// Records what the source passes on.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) messages: Vec<(Option<String>, Option<String>, Vec<u8>)>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) reached: Vec<String>,
    /// Wants no more messages after this many.
    pub(crate) enough: Option<usize>,
    /// `settle` never returns.
    pub(crate) is_stuck: bool,
    /// Cancelled by another task at the next `settle`.
    pub(crate) stops: Option<CancellationToken>,
}

impl Outlet for Recorder {
    fn take(&mut self, message: &Message<'_>) -> ControlFlow<()> {
        self.messages.push((
            message.name.map(str::to_owned),
            message.id.map(str::to_owned),
            message.data.to_vec(),
        ));
        if self.enough == Some(self.messages.len()) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn settle(&mut self) -> BoxFuture<'_, ControlFlow<()>> {
        if let Some(stop) = self.stops.take() {
            tokio::spawn(async move { stop.cancel() });
        }
        if self.is_stuck {
            return Box::pin(std::future::pending());
        }
        Box::pin(std::future::ready(ControlFlow::Continue(())))
    }

    fn reached(&mut self, position: &str) {
        self.reached.push(position.to_owned());
    }

    fn notice(&mut self, notice: Notice) {
        self.notices.push(notice);
    }
}

impl Recorder {
    /// The payloads, as text.
    pub(crate) fn data(&self) -> Vec<String> {
        let text = |(_, _, data): &(_, _, Vec<u8>)| String::from_utf8_lossy(data).into_owned();
        self.messages.iter().map(text).collect()
    }

    pub(crate) fn gaps(&self) -> Vec<&Gap> {
        self.notices
            .iter()
            .filter_map(|notice| match notice {
                Notice::Gap(gap) => Some(gap),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn remarks(&self) -> Vec<&str> {
        self.notices
            .iter()
            .filter_map(|notice| match notice {
                Notice::Remark(remark) => Some(remark.as_str()),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn malformed(&self) -> Vec<u64> {
        self.notices
            .iter()
            .filter_map(|notice| match notice {
                Notice::Malformed { bytes, .. } => Some(*bytes),
                _ => None,
            })
            .collect()
    }
}

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
            auth: None,
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
    /// The connection ends in another way.
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
