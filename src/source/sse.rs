//! Server-sent events, and lines of JSON, over HTTP: the life of one connection after another.

use http::Uri;

use super::{BoxFuture, Credentials, Cx, Ended, Source, SourceError};
use crate::dial::Dialer;
use crate::event::Transport;

/// What to follow and how.
#[derive(Clone)]
pub struct SseOptions {
    /// `http` or `https`.
    pub url: Uri,
    pub credentials: Credentials,
    /// Where to go on, sent as `Last-Event-ID`.
    pub last_event_id: Option<String>,
    /// Bytes of one event; a longer one is left out and counted.
    pub max_message: usize,
    /// The stream is one answer (an AI stream): its end, or an event that says so, is the end and no loss.
    pub is_one_answer: bool,
}

/// A stream of server-sent events, or of lines where the server sends those.
pub struct Sse {
    options: SseOptions,
    dialer: Dialer,
}

impl Sse {
    pub fn new(options: SseOptions, dialer: Dialer) -> Self {
        Self { options, dialer }
    }
}

impl Source for Sse {
    fn transport(&self) -> Transport {
        Transport::Sse
    }

    fn target(&self) -> String {
        self.options.url.to_string()
    }

    fn run<'a>(&'a mut self, _cx: &'a mut Cx<'_>) -> BoxFuture<'a, Result<Ended, SourceError>> {
        let _ = &self.dialer;
        Box::pin(async {
            Err(SourceError::Protocol {
                why: "to be built".to_owned(),
            })
        })
    }

    fn position(&self) -> Option<String> {
        self.options.last_event_id.clone()
    }
}
