//! What the pipeline is asked to do, and what it reports at the end.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{ExecError, RecordForm};
use crate::backoff::Retry;
use crate::dial::Dialer;
use crate::event::{self, Transport};
use crate::grammar::destination::Destination;
use crate::select::Select;
use crate::shape::Shape;
use crate::sink::Complete;
use crate::source::Pulse;
use crate::store::{Store, StoreError};

/// What to do with messages.
pub struct PipelineOptions {
    /// Whether the messages come from a stream or from polling.
    pub source: event::Source,
    pub transport: Transport,
    /// Name of the stream. It becomes the target of saved events.
    pub name: String,
    /// Types and condition. Other messages are only counted.
    pub select: Select,
    /// Stop at the first message that matches, even if it is not selected.
    pub expect: Option<Select>,
    /// Stop after this many selected messages, or expected ones if `expect` is set.
    pub count: Option<u64>,
    pub show: Show,
    /// The stream is one answer of an agent. An error event in it means that the answer failed ([`Stop::Answer`]).
    pub is_one_answer: bool,
    /// Transforms each printed record. Requires the JSON format.
    pub shape: Option<Shape>,
    pub on_slow: OnSlow,
    pub save: Option<Save>,
    /// Run this command for each message, with the message on its stdin.
    pub exec: Option<String>,
    /// Append each event with its time to this file.
    pub record: Option<PathBuf>,
    /// Stop when messages may have been missed.
    pub fail_on_gap: bool,
    /// Paths of the condition that earlier runs have found, so that they are not mistyped.
    pub known_paths: Vec<String>,
    /// The signs of life of the source, which distinguish a quiet stream from a dead one.
    pub pulse: Arc<Pulse>,
}

/// What is printed of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// Depends on the format of stdout: a record, a line, or the payload.
    #[default]
    Event,
    /// Only the text of an answer, as it grows.
    Answer,
    /// Polled records.
    Records(RecordForm),
    /// Nothing, because stdout has another use.
    Nothing,
}

/// What happens when the reader of stdout is slower than the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnSlow {
    /// The stream waits. Its connection is kept alive.
    #[default]
    Block,
    /// Messages are dropped and counted.
    Drop,
    /// The command ends with exit 11.
    Exit,
}

impl OnSlow {
    /// Each value with its word on the command line.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("block", Self::Block),
        ("drop", Self::Drop),
        ("exit", Self::Exit),
    ];
}

/// What the store saves of messages. Each piece of input is one commit.
pub struct Save {
    pub store: Store,
    /// Save the events themselves. `forward` implies it.
    pub events: bool,
    pub forward: Option<Forward>,
    /// Advances when the messages before it are printed, and saved if that was requested.
    pub cursor: Option<Cursor>,
}

/// A position in a stream that is stored for later runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub name: String,
    /// The stream that the position belongs to, in the form that [`store::cursors`](crate::store::cursors) compares.
    pub stream: String,
}

/// A durable delivery of each event.
#[derive(Clone)]
pub struct Forward {
    pub to: Destination,
    pub retry: Retry,
    pub timeout: Duration,
    /// Secret with which the delivery engine signs, as Standard Webhooks.
    pub secret: Option<crate::secret::Secret>,
    /// Sends the deliveries.
    pub dialer: Dialer,
    pub complete: Complete,
}

/// What was processed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages that arrived.
    pub received: u64,
    /// Messages that were selected.
    pub matched: u64,
    /// Messages whose output was written. Set by [`Pipeline::finish`](super::Pipeline::finish).
    pub printed: u64,
    /// Payload bytes that arrived.
    pub bytes: u64,
    pub saved: u64,
    pub gaps: u64,
    /// Messages dropped because the reader was slow.
    pub dropped: u64,
    pub malformed: u64,
    pub reconnects: u64,
    /// Messages that could not be selected, because none of them had a path of the condition. Set by
    /// [`Pipeline::finish`](super::Pipeline::finish).
    pub undecided: u64,
    /// Messages for which the jq expression failed.
    pub not_shaped: u64,
    /// Deliveries of this run, and those that are still to be made. Both include events that an earlier run saved.
    pub delivered: u64,
    pub waiting: u64,
    /// Deliveries to a broker that were repeated although the first attempt may have arrived.
    pub perhaps_twice: u64,
}

/// Why the pipeline wants no more messages.
#[derive(Debug)]
pub enum Stop {
    /// `count` or `expect` was met.
    GoalMet,
    /// Messages may have been missed, and [`PipelineOptions::fail_on_gap`] is set.
    Gap,
    /// The reader was too slow, and [`OnSlow::Exit`] is set.
    SlowReader,
    /// Stdout is closed or cannot be written.
    Output(io::Error),
    /// The agent's answer failed with this error ([`PipelineOptions::is_one_answer`]).
    Answer(String),
    /// Events cannot be saved.
    Store(StoreError),
    /// A command failed.
    Exec(ExecError),
    /// The recording cannot be written.
    Record {
        path: PathBuf,
        source: io::Error,
        /// It could not be opened at all.
        at_once: bool,
    },
}
