//! Server-sent events, and lines of JSON, over HTTP: the life of one connection after another, as the WHATWG HTML standard has
//! it (9.2).

mod body;
mod open;
mod resume;

use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::Uri;

use super::turns::Turns;
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

/// Before a new connection, where the server does not say otherwise.
const WAIT: Duration = Duration::from_secs(1);
/// A server that asks for more is taken to mean this.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
/// What came is settled after so many bytes at the latest. A server that sends each event in a chunk of its own makes as many
/// pieces; those that are there already are taken together.
const AT_ONCE: usize = 64 * 1024;

const NO_IDS: &str = "the server gives no ids to resume from";

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
    /// A connection on which nothing at all comes for so long, comments included, is taken for lost.
    pub idle: Option<Duration>,
    /// From the first byte dialled until the stream is open; of it, a connection to an address takes 5 s at most.
    pub connect_timeout: Duration,
}

/// A stream of server-sent events, or of lines where the server sends those.
pub struct Sse {
    options: SseOptions,
    dialer: Dialer,
    form: Form,
    events: Parser,
    lines: Lines,
    resume: Resume,
    wait: Duration,
    turns: Turns,
}

/// What the body is made of.
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
            turns: Turns::default(),
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
            return Ok(self.no_more(cx));
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
            let ended = self.take_what_is_there(next, &mut body, cx);
            let flow = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Ended::Stopped),
                flow = self.turns.settle(cx.outlet) => flow,
            };
            if flow.is_break() {
                return Ok(Ended::Enough);
            }
            if let Some(ended) = ended {
                return Ok(ended);
            }
        }
    }

    fn opened(&mut self, cx: &mut Cx<'_>) {
        let id = self.resume.asked();
        let (subscribed, guarantee) = match (id, self.form) {
            // Whether it does is told by the first event's id.
            (Some(id), Form::Events) => (
                format!("asking to go on from id {id}"),
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

    /// 204: the server wants no new connection, and has sent all it has.
    fn no_more(&mut self, cx: &mut Cx<'_>) -> Ended {
        match self.resume.asked() {
            Some(_) => cx.resumed(),
            None => cx.gap(None, None, NO_IDS),
        }
        Ended::Finished {
            why: "the server answered 204: there is no more".to_owned(),
        }
    }

    /// Takes a piece and those that are there already, and says how the connection ended, if it did.
    fn take_what_is_there(
        &mut self,
        first: Next,
        body: &mut Body,
        cx: &mut Cx<'_>,
    ) -> Option<Ended> {
        let mut next = first;
        let mut taken = 0;
        let ended = loop {
            let flow = match next {
                Some(Ok(piece)) => {
                    taken += piece.len();
                    self.feed(&piece, cx)
                }
                Some(Err(error)) => ControlFlow::Break(self.cut(error.to_string(), cx)),
                None => ControlFlow::Break(self.end(cx)),
            };
            if let ControlFlow::Break(ended) = flow {
                break Some(ended);
            }
            if taken >= AT_ONCE {
                break None;
            }
            match body.next().now_or_never() {
                Some(following) => next = following,
                None => break None,
            }
        };
        self.turns.took(taken);
        if taken > 0 {
            cx.pulse.sign(Timestamp::now());
        }
        if let Some(position) = self.resume.moved(self.events.id()) {
            cx.outlet.reached(position);
        }
        ended
    }

    fn feed(&mut self, piece: &[u8], cx: &mut Cx<'_>) -> ControlFlow<Ended> {
        match self.form {
            Form::Events => self.events.feed(piece, |item| match item {
                Item::Event(event) => {
                    self.resume.judge(event.id, cx);
                    take(&event, self.options.is_one_answer, cx)
                }
                Item::Retry(wait) => {
                    self.wait = bounded(wait, self.wait, cx);
                    ControlFlow::Continue(())
                }
                Item::Skipped(skipped) => left_out(skipped, cx),
            })?,
            Form::Lines => {
                let is_one_answer = self.options.is_one_answer;
                self.lines
                    .feed(piece, |line| take_line(line, is_one_answer, cx))?;
            }
        }
        ControlFlow::Continue(())
    }

    fn skipping(&self) -> Option<Skipped> {
        match self.form {
            Form::Events => self.events.skipped(),
            Form::Lines => self.lines.skipped(),
        }
    }

    /// The body's proper end. An event stream is meant to go on, and is asked for again; lines and answers have an end.
    fn end(&mut self, cx: &mut Cx<'_>) -> Ended {
        let why = "the server ended the stream";
        let is_one_answer = self.options.is_one_answer;
        if self.form == Form::Lines {
            let last = self.lines.finish(|line| take_line(line, is_one_answer, cx));
            if let ControlFlow::Break(ended) = last {
                return ended;
            }
        } else if !is_one_answer {
            return self.cut(why.to_owned(), cx);
        }
        Ended::Finished {
            why: why.to_owned(),
        }
    }

    fn cut(&mut self, why: String, cx: &mut Cx<'_>) -> Ended {
        if let Some(skipped) = self.skipping() {
            let _ = left_out(skipped, cx);
        }
        Ended::Cut {
            why,
            server_minimum: self.wait,
        }
    }
}

/// The next piece, its absence at the body's proper end, or why there is none.
type Next = Option<io::Result<Bytes>>;

async fn next_within(body: &mut Body, idle: Option<Duration>) -> Next {
    let Some(idle) = idle else {
        return body.next().await;
    };
    tokio::time::timeout(idle, body.next())
        .await
        .unwrap_or_else(|_| {
            let why = format!("nothing came for {} s", idle.as_secs_f64());
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
                data,
            };
            take(&event, is_one_answer, cx)
        }
        Line::Skipped(skipped) => left_out(skipped, cx),
    }
}

fn left_out(skipped: Skipped, cx: &mut Cx<'_>) -> ControlFlow<Ended> {
    cx.outlet.notice(Notice::Malformed {
        bytes: skipped.bytes,
        why: skipped.to_string(),
    });
    ControlFlow::Continue(())
}

/// The last event of an answer: `done` or `end` by name or as the JSON's `type`, or OpenAI's `[DONE]`.
fn is_last(message: &Message<'_>) -> bool {
    let is_end = |word: &str| matches!(word, "done" | "end");
    message.name.is_some_and(is_end)
        || message.data == b"[DONE]"
        || message.data.starts_with(b"{")
            && Raw::check(message.data)
                .and_then(|json| json.member("type")?.as_str())
                .is_some_and(|kind| is_end(&kind))
}

/// The wait that the server asks for, within reason.
fn bounded(wait: Duration, before: Duration, cx: &mut Cx<'_>) -> Duration {
    if wait > LONGEST_WAIT && before != LONGEST_WAIT {
        cx.outlet.notice(Notice::Remark(format!(
            "the server asks for {} s before a new connection; a day is the longest wait",
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

    fn server_minimum(&self) -> Duration {
        self.wait
    }

    fn position(&self) -> Option<String> {
        Some(self.events.id().to_owned()).filter(|id| !id.is_empty())
    }
}
