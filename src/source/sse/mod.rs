//! Server-sent events and NDJSON over HTTP: follows a URL over one connection after another, as the WHATWG HTML
//! standard describes (section 9.2).

mod body;
mod open;
mod resume;

use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::Uri;

use super::budget::YieldBudget;
use super::{BoxFuture, Credentials, Cx, Ended, Guarantee, Message, Notice, Source, SourceError};
use crate::dial::Dialer;
use crate::event::Transport;
use crate::json::Raw;
use crate::secret;
use crate::time::Timestamp;
use crate::wire::lines::{Line, Lines, Skipped};
use crate::wire::sse::{Event, Item, Parser};
use body::Body;
use resume::Resume;

/// Delay before reconnecting, unless the server sets another one.
const WAIT: Duration = Duration::from_secs(1);
/// Longest delay that a server can request.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
/// How many bytes are handled before waiting for the outlet. A server that sends each event in its own chunk produces
/// many pieces; those that have already arrived are handled together.
const BATCH: usize = 64 * 1024;

const NO_IDS: &str = "the server sends no ids to resume from";

/// What to follow and how.
#[derive(Clone)]
pub struct SseOptions {
    /// `http` or `https`.
    pub url: Uri,
    pub credentials: Credentials,
    /// Where to resume, sent as `Last-Event-ID`.
    pub last_event_id: Option<String>,
    /// Maximum size of one event in bytes. Larger events are skipped and counted.
    pub max_message: usize,
    /// The stream is one answer (an AI stream): its end, or an event that announces it, finishes the stream and is not
    /// a loss.
    pub is_one_answer: bool,
    /// The end of the response finishes the stream and is not a loss.
    pub until_end: bool,
    /// Treat the connection as lost if nothing arrives for this long, comments included.
    pub idle: Option<Duration>,
    /// Time limit from the first connection attempt to the open stream. Connecting to one address takes at most 5 s of
    /// it.
    pub connect_timeout: Duration,
}

/// A stream of server-sent events, or of lines if the server sends those.
pub struct Sse {
    options: SseOptions,
    dialer: Dialer,
    form: Form,
    events: Parser,
    lines: Lines,
    resume: Resume,
    wait: Duration,
    budget: YieldBudget,
}

/// The format of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Events,
    Lines,
}

impl Sse {
    pub fn new(options: SseOptions, dialer: Dialer) -> Self {
        let id = options.last_event_id.clone().unwrap_or_default();
        Self {
            dialer,
            form: Form::Events,
            events: Parser::new(options.max_message, id),
            lines: Lines::new(options.max_message),
            resume: Resume::default(),
            wait: WAIT,
            budget: YieldBudget::default(),
            options,
        }
    }

    async fn follow(&mut self, cx: &mut Cx<'_>) -> Result<Ended, SourceError> {
        let stop = cx.stop.clone();
        self.events.restart();
        self.lines = Lines::new(self.options.max_message);
        let answer = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(Ended::Stopped),
            answer = self.open(cx) => answer?,
        };
        let Some((form, mut body)) = answer else {
            return Ok(self.finished(cx));
        };
        self.form = form;
        cx.outlet.carried_by(self.transport());
        self.opened(cx);
        loop {
            let next = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Ended::Stopped),
                next = next_within(&mut body, self.options.idle) => next,
            };
            let ended = self.take_available(next, &mut body, cx);
            let flow = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Ended::Stopped),
                flow = self.budget.settle(cx.outlet) => flow,
            };
            if flow.is_break() {
                return Ok(Ended::Enough);
            }
            if let Some(ended) = ended {
                return ended;
            }
        }
    }

    fn opened(&mut self, cx: &mut Cx<'_>) {
        let id = self.resume.asked();
        let (subscribed, guarantee) = match (id, self.form) {
            // The id of the first event shows whether the server resumed.
            (Some(id), Form::Events) => (
                format!("resuming after id {id}"),
                Guarantee::ResumableByServer,
            ),
            (None, Form::Events) => {
                let guarantee = match cx.reconnects {
                    0 => Guarantee::ResumableWithIds,
                    _ => Guarantee::AtMostOnce,
                };
                ("events".to_owned(), guarantee)
            }
            (_, Form::Lines) => ("lines of JSON".to_owned(), Guarantee::AtMostOnce),
        };
        let is_resumable = guarantee == Guarantee::ResumableByServer;
        cx.connected(self.target(), subscribed, guarantee);
        if !is_resumable {
            cx.gap(None, None, NO_IDS);
        }
    }

    /// Handles 204: the server has sent everything and wants no new connection.
    fn finished(&mut self, cx: &mut Cx<'_>) -> Ended {
        match self.resume.asked() {
            Some(_) => cx.resumed(),
            None => cx.gap(None, None, NO_IDS),
        }
        Ended::Finished {
            why: "the server responded with 204: the stream is finished".to_owned(),
        }
    }

    /// Handles a piece and those that have already arrived. Returns how the connection ended, if it did.
    fn take_available(
        &mut self,
        first: Next,
        body: &mut Body,
        cx: &mut Cx<'_>,
    ) -> Option<Result<Ended, SourceError>> {
        let mut next = first;
        let mut taken = 0;
        let ended = loop {
            let flow = match next {
                Some(Ok(piece)) => {
                    taken += piece.len();
                    self.feed(&piece, cx).map_break(Ok)
                }
                Some(Err(error)) => ControlFlow::Break(self.failed(&error, cx)),
                None => ControlFlow::Break(Ok(self.end(cx))),
            };
            if let ControlFlow::Break(ended) = flow {
                break Some(ended);
            }
            if taken >= BATCH {
                break None;
            }
            match body.next().now_or_never() {
                Some(following) => next = following,
                None => break None,
            }
        };
        self.budget.spend(taken);
        if taken > 0 {
            cx.pulse.sign(Timestamp::now());
        }
        if let Some(position) = self.resume.new_position(self.events.id()) {
            cx.outlet.reached(position);
        }
        ended
    }

    fn feed(&mut self, piece: &[u8], cx: &mut Cx<'_>) -> ControlFlow<Ended> {
        match self.form {
            Form::Events => self.events.feed(piece, |item| match item {
                Item::Event(event) => {
                    self.resume.check(event.id.filter(|_| event.has_own_id), cx);
                    take(&event, self.options.is_one_answer, cx)
                }
                Item::Retry(wait) => {
                    self.wait = bounded(wait, self.wait, cx);
                    ControlFlow::Continue(())
                }
                Item::Skipped(skipped) => report_skipped(skipped, true, cx),
            })?,
            Form::Lines => {
                let is_one_answer = self.options.is_one_answer;
                self.lines
                    .feed(piece, |line| take_line(line, is_one_answer, cx))?;
            }
        }
        ControlFlow::Continue(())
    }

    fn skipped(&self) -> Option<Skipped> {
        match self.form {
            Form::Events => self.events.skipped(),
            Form::Lines => self.lines.skipped(),
        }
    }

    /// Handles the end of a complete body. An event stream is requested again; lines and answers are finished.
    fn end(&mut self, cx: &mut Cx<'_>) -> Ended {
        let why = "the server ended the stream";
        let is_one_answer = self.options.is_one_answer;
        if self.form == Form::Lines {
            let last = self.lines.finish(|line| take_line(line, is_one_answer, cx));
            if let ControlFlow::Break(ended) = last {
                return ended;
            }
        } else if !is_one_answer && !self.options.until_end {
            return self.lost(why.to_owned(), cx);
        }
        Ended::Finished {
            why: why.to_owned(),
        }
    }

    /// Handles a failed read. A body in another coding than declared, or with invalid chunks, is not better the next time.
    fn failed(&mut self, error: &io::Error, cx: &mut Cx<'_>) -> Result<Ended, SourceError> {
        let lost = self.lost(error.to_string(), cx);
        match error.kind() {
            io::ErrorKind::InvalidData => Err(SourceError::Protocol {
                why: error.to_string(),
            }),
            _ => Ok(lost),
        }
    }

    fn lost(&mut self, why: String, cx: &mut Cx<'_>) -> Ended {
        if let Some(skipped) = self.skipped() {
            // The event is incomplete. The loss of the connection decides whether it is missed.
            let _ = report_skipped(skipped, false, cx);
        }
        Ended::Lost {
            why,
            min_delay: self.wait,
        }
    }
}

/// The next piece, `None` at the end of a complete body, or the reason why reading failed.
type Next = Option<io::Result<Bytes>>;

async fn next_within(body: &mut Body, idle: Option<Duration>) -> Next {
    let Some(idle) = idle else {
        return body.next().await;
    };
    tokio::time::timeout(idle, body.next())
        .await
        .unwrap_or_else(|_| {
            let why = format!("nothing arrived for {} s", idle.as_secs_f64());
            Some(Err(io::Error::new(io::ErrorKind::TimedOut, why)))
        })
}

fn take(event: &Event<'_>, is_one_answer: bool, cx: &mut Cx<'_>) -> ControlFlow<Ended> {
    let message = Message {
        name: event.name,
        id: event.id,
        data: event.data,
        ..Message::default()
    };
    if cx.outlet.take(&message).is_break() {
        return ControlFlow::Break(Ended::Enough);
    }
    if is_one_answer && is_last(&message) {
        return ControlFlow::Break(Ended::Finished {
            why: "the answer is complete".to_owned(),
        });
    }
    ControlFlow::Continue(())
}

fn take_line(line: Line<'_>, is_one_answer: bool, cx: &mut Cx<'_>) -> ControlFlow<Ended> {
    match line {
        Line::Whole(data) => {
            let event = Event {
                name: None,
                id: None,
                has_own_id: false,
                data,
            };
            take(&event, is_one_answer, cx)
        }
        Line::Skipped(skipped) => report_skipped(skipped, true, cx),
    }
}

fn report_skipped(skipped: Skipped, is_lost: bool, cx: &mut Cx<'_>) -> ControlFlow<Ended> {
    cx.outlet.notice(Notice::Malformed {
        bytes: skipped.bytes,
        why: skipped.to_string(),
        is_lost,
    });
    ControlFlow::Continue(())
}

/// Returns whether this is the last event of an answer: named `done` or `end`, with such a `type` in its JSON, or
/// OpenAI's `[DONE]`.
fn is_last(message: &Message<'_>) -> bool {
    let is_end = |word: &str| matches!(word, "done" | "end");
    message.name.is_some_and(is_end)
        || message.data == b"[DONE]"
        || message.data.starts_with(b"{")
            && Raw::check(message.data)
                .and_then(|json| json.member("type")?.as_str())
                .is_some_and(|kind| is_end(&kind))
}

/// Limits the delay that the server requests.
fn bounded(wait: Duration, before: Duration, cx: &mut Cx<'_>) -> Duration {
    if wait > LONGEST_WAIT && before != LONGEST_WAIT {
        cx.outlet.notice(Notice::Remark(format!(
            "the server requests a delay of {} s before reconnecting; the longest delay is a day",
            wait.as_secs()
        )));
    }
    wait.min(LONGEST_WAIT)
}

impl Source for Sse {
    fn transport(&self) -> Transport {
        match self.form {
            Form::Events => Transport::Sse,
            Form::Lines => Transport::Ndjson,
        }
    }

    fn target(&self) -> String {
        secret::shown(&self.options.url)
    }

    fn run<'a>(&'a mut self, cx: &'a mut Cx<'_>) -> BoxFuture<'a, Result<Ended, SourceError>> {
        Box::pin(self.follow(cx))
    }

    fn min_delay(&self) -> Duration {
        self.wait
    }

    fn position(&self) -> Option<String> {
        Some(self.events.id().to_owned()).filter(|id| !id.is_empty())
    }
}
