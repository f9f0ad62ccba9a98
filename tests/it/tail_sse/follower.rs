//! The source without the loop around it, one connection at a time, and an outlet that remembers.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use evt::dial::{AddressPolicy, Dialer};
use evt::source::{
    Authorisation, BoxFuture, CONNECT_TIMEOUT, CutOff, Cx, Ended, Gap, Message, Notice, Outlet,
    Pulse, Source, SourceError, Sse, SseOptions,
};
use evt::time::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio_util::sync::CancellationToken;

/// Bytes of one event in these tests.
pub(crate) const LIMIT: usize = 8 << 20;

/// What was handed on.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) messages: Vec<(Option<String>, Option<String>, Vec<u8>)>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) reached: Vec<String>,
    /// Wants no more than so many.
    pub(crate) enough: Option<usize>,
    /// Never settles.
    pub(crate) is_stuck: bool,
    /// Cancelled by another task once a piece is to be settled.
    pub(crate) stops: Option<CancellationToken>,
}

impl Outlet for Heard {
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

impl Heard {
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
    pub(crate) heard: Heard,
    pub(crate) stop: CancellationToken,
    /// Set after a cut, as the loop around a source does.
    cut: Option<CutOff>,
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
            heard: Heard::default(),
            stop: CancellationToken::new(),
            cut: None,
        }
    }

    /// Follows one connection to its end.
    ///
    /// # Panics
    /// After a minute.
    pub(crate) async fn connection(&mut self) -> Result<Ended, SourceError> {
        let mut cx = Cx {
            outlet: &mut self.heard,
            stop: self.stop.clone(),
            input: None,
            pulse: Arc::new(Pulse::default()),
            cut: self.cut.take(),
            reconnects: 0,
        };
        let run = self.source.run(&mut cx);
        let ended = tokio::time::timeout(Duration::from_secs(60), run)
            .await
            .expect("the connection ends");
        self.cut = cx.cut.take();
        if let Ok(Ended::Cut { why, .. }) = &ended {
            let why = why.clone();
            self.cut.get_or_insert_with(|| CutOff {
                since: Timestamp::now(),
                why,
            });
        }
        ended
    }

    /// Follows one connection to where it is lost, and gives the wait that the server asked for.
    ///
    /// # Panics
    /// When it ends otherwise.
    pub(crate) async fn lost(&mut self) -> Duration {
        match self.connection().await {
            Ok(Ended::Cut { server_minimum, .. }) => server_minimum,
            other => panic!("{other:?}"),
        }
    }

    /// Whether a loss still waits for its explanation.
    pub(crate) fn is_unexplained(&self) -> bool {
        self.cut.is_some()
    }
}
