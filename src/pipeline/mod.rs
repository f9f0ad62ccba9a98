//! From a source to what was asked for: select, number, shape, print, keep, pass on. One for every source.
//!
//! The pipeline is the [`Outlet`] of a source: it runs in the source's task, on borrowed bytes, and makes an [`Event`] of its
//! own only where somebody keeps it or a condition looks at it.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::backoff::Retry;
use crate::event::{Event, Transport};
use crate::grammar::select::Select;
use crate::grammar::target::Target;
use crate::shape::Shape;
use crate::source::{BoxFuture, Message, Notice, Outlet, Pulse};
use crate::store::{Store, StoreError};
use crate::ui::Ui;

/// What is to become of messages.
pub struct PipelineOptions {
    pub transport: Transport,
    /// What the stream is called where it names nothing itself: kept as the event's target.
    pub name: String,
    /// Types, condition, limit; a message that does not match is counted and left.
    pub select: Select,
    /// End when a message like this has come.
    pub expect: Option<Select>,
    /// End after so many that matched.
    pub count: Option<u64>,
    pub show: Show,
    /// The stream is one answer of an agent: an error event in it means that the answer failed ([`Stop::Answer`]).
    pub is_one_answer: bool,
    /// Shapes each record, in the JSON format.
    pub shape: Option<Shape>,
    pub on_slow: OnSlow,
    pub keep: Option<Keep>,
    /// Append each event, with its time, to this file.
    pub record: Option<PathBuf>,
    /// End when something may have been missed.
    pub fail_on_gap: bool,
    /// The source's own, by which a quiet stream is told from a dead one.
    pub pulse: Arc<Pulse>,
}

/// What is printed of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// By the format of stdout: a record, a line, the payload.
    #[default]
    Event,
    /// Only the text of an answer, as it grows.
    Answer,
}

/// What happens when the reader of stdout is slower than the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnSlow {
    /// The stream waits; its connection is kept alive.
    #[default]
    Block,
    /// Messages are dropped, counted and said to be.
    Drop,
    /// The command ends with exit 11.
    Exit,
}

/// What is kept of messages, in one commit a piece.
pub struct Keep {
    pub store: Store,
    /// Keep the events themselves; implied by `forward`.
    pub events: bool,
    pub forward: Option<Forward>,
    /// Moves when what it covers was written or kept.
    pub cursor: Option<Cursor>,
}

/// A place in a stream that outlives the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub name: String,
    /// The stream that its positions belong to, as [`store::cursors`](crate::store::cursors) compares it.
    pub stream: String,
}

/// A durable delivery of each event.
#[derive(Clone, Debug)]
pub struct Forward {
    pub target: Target,
    pub retry: Retry,
    pub timeout: Duration,
    /// Signed by the delivery engine as Standard Webhooks, where there is one.
    pub secret: Option<crate::secret::Secret>,
}

/// What went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages that came.
    pub received: u64,
    /// Those that matched.
    pub matched: u64,
    /// Bytes of payload that came.
    pub bytes: u64,
    pub kept: u64,
    pub gaps: u64,
    /// Messages dropped because the reader was slow.
    pub dropped: u64,
    pub malformed: u64,
    pub reconnects: u64,
}

/// Why the pipeline wanted no more.
#[derive(Debug)]
pub enum Stop {
    /// `count` or `expect` was met.
    GoalMet,
    /// Something may have been missed, and [`PipelineOptions::fail_on_gap`].
    Gap,
    /// The reader was too slow, and [`OnSlow::Exit`].
    SlowReader,
    /// stdout was closed or cannot be written.
    Output(io::Error),
    /// The agent's answer ended with this error ([`PipelineOptions::is_one_answer`]).
    Answer(String),
    /// Events cannot be kept.
    Store(StoreError),
    /// The recording cannot be written.
    Record { path: PathBuf, source: io::Error },
}

/// The only loop between a source and what was asked for.
pub struct Pipeline {
    options: PipelineOptions,
    ui: Arc<Ui>,
    /// Cancelled to end a source that is waiting.
    stop: CancellationToken,
    stats: Stats,
    stopped: Option<Stop>,
    line: Vec<u8>,
}

impl Pipeline {
    /// `stop` is the source's own: the pipeline cancels it when it wants no more while nothing comes.
    pub fn new(options: PipelineOptions, ui: Arc<Ui>, stop: CancellationToken) -> Self {
        Self {
            options,
            ui,
            stop,
            stats: Stats::default(),
            stopped: None,
            line: Vec::new(),
        }
    }

    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Writes and keeps what is left. Why the pipeline wanted no more, if it was the one that ended.
    pub async fn finish(mut self) -> (Stats, Option<Stop>) {
        let _ = self.settle().await;
        (self.stats, self.stopped)
    }
}

impl Outlet for Pipeline {
    fn take(&mut self, message: &Message<'_>) -> ControlFlow<()> {
        self.stats.received += 1;
        self.stats.matched += 1;
        self.stats.bytes += message.data.len() as u64;
        self.line.extend_from_slice(message.data);
        self.line.push(b'\n');
        if self
            .options
            .count
            .is_some_and(|count| self.stats.matched >= count)
        {
            self.stopped = Some(Stop::GoalMet);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn settle(&mut self) -> BoxFuture<'_, ControlFlow<()>> {
        Box::pin(async {
            let line = std::mem::take(&mut self.line);
            if let Err(error) = self.ui.raw(&line) {
                self.stopped = Some(Stop::Output(error));
                self.stop.cancel();
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })
    }

    fn notice(&mut self, notice: Notice) {
        if let Notice::Gap(_) = notice {
            self.stats.gaps += 1;
        }
        self.ui.status(&format!("{notice:?}"));
    }
}

/// An event made of a message: for conditions, stores and forwards.
pub fn event_of(_message: &Message<'_>, _options: &PipelineOptions) -> Option<Event> {
    None
}
