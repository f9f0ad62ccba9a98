//! From a source to what was asked for: select, number, shape, print, keep, pass on. One for every source.
//!
//! The pipeline is the [`Outlet`] of a source: it runs in the source's task, on borrowed bytes, and makes an
//! [`Event`](crate::event::Event) of its own only where somebody keeps it.

mod answer;
mod cursor;
mod exec;
mod keep;
mod look;
mod notices;
mod print;
mod recording;
mod records;
mod singer;
mod slow;
mod watch;

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tokio_util::sync::CancellationToken;

use crate::backoff::Retry;
use crate::envelope::Peek;
use crate::event::{Seq, Transport};
use crate::grammar::target::Target;
use crate::select::{Look, Select};
use crate::shape::Shape;
use crate::source::{BoxFuture, CutOff, Gap, Message, Notice, Outlet, Pulse};
use crate::store::{Store, StoreError};
use crate::time::Timestamp;
use crate::ui::{NotForATerminal, Ui};
use cursor::{Mark, Mover};
use exec::Exec;
use keep::{Keeper, Kept};
use look::{look, peek};
use notices::Teller;
use print::Printer;
use recording::Recording;
use slow::Loss;
use watch::Watch;

pub use exec::ExecError;
pub use records::{RecordForm, SingerNames};

/// What is to become of messages.
pub struct PipelineOptions {
    pub transport: Transport,
    /// What the stream is called where it names nothing itself: kept as the event's target.
    pub name: String,
    /// Types and condition; a message that does not match is counted and left.
    pub select: Select,
    /// End when a message like this has come, whether or not it is one of those.
    pub expect: Option<Select>,
    /// End after so many that matched; of the expected ones, where some are.
    pub count: Option<u64>,
    pub show: Show,
    /// The stream is one answer of an agent: an error event in it means that the answer failed ([`Stop::Answer`]).
    pub is_one_answer: bool,
    /// Shapes each record, in the JSON format.
    pub shape: Option<Shape>,
    pub on_slow: OnSlow,
    pub keep: Option<Keep>,
    /// Give each message to this command, on its stdin.
    pub exec: Option<String>,
    /// Append each event, with its time, to this file.
    pub record: Option<PathBuf>,
    /// End when something may have been missed.
    pub fail_on_gap: bool,
    /// The source's own, by which a quiet stream is told from a dead one.
    pub pulse: Arc<Pulse>,
}

/// What is printed of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// By the format of stdout: a record, a line, the payload.
    #[default]
    Event,
    /// Only the text of an answer, as it grows.
    Answer,
    /// Records that were polled.
    Records(RecordForm),
    /// Nothing: stdout is another's.
    Nothing,
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
    /// Those whose output is known to have been written; only [`Pipeline::finish`] knows.
    pub printed: u64,
    /// Bytes of payload that came.
    pub bytes: u64,
    pub kept: u64,
    pub gaps: u64,
    /// Messages dropped because the reader was slow.
    pub dropped: u64,
    pub malformed: u64,
    pub reconnects: u64,
    /// Messages that the shape could not be applied to.
    pub not_shaped: u64,
    /// Kept messages that were delivered, and those whose delivery is still to come.
    pub delivered: u64,
    pub waiting: u64,
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
    /// A command did not take what it was given.
    Exec(ExecError),
    /// The recording cannot be written.
    Record {
        path: PathBuf,
        source: io::Error,
        /// It could not even be opened.
        at_once: bool,
    },
}

/// How long a reader that takes nothing is waited for, once the person wants to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// The only loop between a source and what was asked for.
///
/// What has no place yet waits here: at most one piece of the source's, and no more than 128 KiB of lines and
/// one message while the reader is slow and messages are dropped.
pub struct Pipeline {
    options: PipelineOptions,
    ui: Arc<Ui>,
    /// Cancelled to end a source that is waiting.
    stop: CancellationToken,
    stats: Stats,
    /// Towards `count`, or the one message that is expected.
    counted: u64,
    stopped: Option<Stop>,
    /// What an agent said when its answer failed.
    failure: Option<String>,
    clock: Clock,
    printer: Printer,
    /// Lines that stdout has not taken yet.
    lines: Vec<u8>,
    /// What is being dropped.
    loss: Option<Loss>,
    /// Where messages are kept before they are printed.
    keeper: Option<Keeper>,
    /// Where the reader of stdout is, and with it the cursor of a stream that is not kept.
    mover: Option<Mover>,
    /// The last position whose output was written, once it is known for good; before that, where the stream began.
    place: Option<String>,
    /// Reached by what was taken.
    position: Option<String>,
    /// Messages that were printed.
    printed: u64,
    /// What was printed or reached is not marked yet.
    has_moved: bool,
    /// The stream was open at least once.
    was_open: bool,
    /// Why the last attempt to connect failed.
    last_failure: Option<String>,
    /// Parts of the condition whose field was in no message so far; `None` before the first.
    absent: Option<Vec<String>>,
    /// A message came that was neither written nor kept: no later position counts, because it would cover that one, too.
    is_refusing: bool,
    recording: Option<Recording>,
    /// The command that takes messages, and those that wait for it.
    exec: Option<Exec>,
    /// The target of events.
    target: String,
    teller: Teller,
    watch: Watch,
}

impl Pipeline {
    /// `stop` is the source's own: the pipeline cancels it when it wants no more while nothing comes. Needs a runtime.
    pub fn new(mut options: PipelineOptions, ui: Arc<Ui>, stop: CancellationToken) -> Self {
        let recording = options.record.as_deref().map(Recording::open).transpose();
        let (recording, stopped) = match recording {
            Ok(recording) => (recording, None),
            Err(unwritable) => {
                stop.cancel();
                (None, Some(unwritable))
            }
        };
        let (mut keeper, mut cursor) = (None, None);
        match options.keep.take() {
            Some(keep) if keep.events || keep.forward.is_some() => {
                keeper = Some(Keeper::start(keep));
            }
            Some(Keep {
                store,
                cursor: Some(own),
                ..
            }) => cursor = Some((store, own)),
            _ => {}
        }
        Self {
            mover: Some(Mover::start(cursor, Arc::clone(&ui), stop.clone())),
            printer: Printer::new(&options, &ui),
            teller: Teller::new(Arc::clone(&ui), options.transport),
            watch: Watch::start(&ui, &options.pulse, &stop),
            target: keep::target_of(&options.name),
            exec: options.exec.take().map(Exec::new),
            options,
            ui,
            stop,
            stats: Stats::default(),
            counted: 0,
            stopped,
            failure: None,
            clock: Clock::default(),
            lines: Vec::new(),
            loss: None,
            keeper,
            place: None,
            position: None,
            printed: 0,
            has_moved: false,
            was_open: false,
            last_failure: None,
            absent: None,
            is_refusing: false,
            recording,
        }
    }

    /// Where the stream goes on from: it stands there until it has moved.
    pub fn begins_at(&mut self, position: &str) {
        self.place = Some(position.to_owned());
        self.position = Some(position.to_owned());
    }

    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Where to go on: the last position whose messages were written, once [`Pipeline::finish`] has ended. `None` where the
    /// stream has none, and where nothing was written.
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// Whether the stream was open at least once.
    pub fn was_open(&self) -> bool {
        self.was_open
    }

    /// Why the last attempt to connect failed, where one did.
    pub fn last_failure(&self) -> Option<&str> {
        self.last_failure.as_deref()
    }

    /// Writes, keeps and delivers what is left. Why the pipeline wanted no more, if it was the one that ended.
    ///
    /// Waits for a slow reader for as long as it takes, but once `stop` is cancelled for two seconds, after which what nobody
    /// reads is given up. Deliveries that are due get two seconds, too, and those under way one more; the others stay in the queue.
    pub async fn finish(&mut self) -> (Stats, Option<Stop>) {
        let _ = self.keep().await;
        self.printer.end(&mut self.lines);
        self.say_loss();
        self.teller.finish();
        self.write_the_rest().await;
        self.say_what_never_was();
        self.mark();
        if self.watch.is_closed() {
            let _ = self.end(Stop::Output(io::ErrorKind::BrokenPipe.into()));
        }
        if let Some(mover) = self.mover.take() {
            let (written, moved) = mover.finish().await;
            self.stats.printed = written.printed;
            let place = written.position.or(self.place.take());
            self.place = place.filter(|place| !place.is_empty());
            if let Err(error) = moved {
                let _ = self.end(Stop::Store(error));
            }
        }
        if let Some(keeper) = self.keeper.take() {
            match keeper.finish().await {
                Ok((delivered, waiting)) => {
                    (self.stats.delivered, self.stats.waiting) = (delivered, waiting);
                    self.teller.waiting(waiting);
                }
                Err(error) => {
                    let _ = self.end(Stop::Store(error));
                }
            }
        }
        if let Some(failure) = self.failure.take() {
            let _ = self.end(Stop::Answer(failure));
        }
        (self.stats, self.stopped.take())
    }

    /// Keeps and records what was taken, and prints what was kept. Cancel safe.
    async fn keep(&mut self) -> ControlFlow<()> {
        if let Some(recording) = &mut self.recording
            && let Err(stop) = recording.write()
        {
            self.refuse();
            return self.end(stop);
        }
        let Some(keeper) = &mut self.keeper else {
            return ControlFlow::Continue(());
        };
        match keeper.commit().await {
            Ok(kept) => {
                for kept in kept {
                    self.print_kept(&kept);
                }
                ControlFlow::Continue(())
            }
            Err(error) => self.end(Stop::Store(error)),
        }
    }

    fn print_kept(&mut self, kept: &Kept) {
        self.stats.kept += 1;
        let none = HeaderMap::new();
        let message = kept.message();
        let peek = peek(&none, &message);
        self.print(&message, &peek, kept.number, kept.event.seq);
    }

    /// Lets the position follow to what stdout has been given.
    fn mark(&mut self) {
        if self.has_moved
            && self.lines.is_empty()
            && let Some(mover) = &self.mover
        {
            mover.mark(Mark {
                bytes: self.ui.handed_over(),
                printed: self.printed,
                position: self.position.clone(),
            });
            self.has_moved = false;
        }
    }

    /// At the end: what was asked for and was in nothing that came.
    fn say_what_never_was(&self) {
        let came = self.stats.matched;
        if self.options.show == Show::Answer && came > 0 && !self.printer.has_answered {
            self.ui.warn(&format!(
                "none of {came} events reads as part of an AI answer: leave --text out to see them"
            ));
        }
        if let Some(absent) = self.absent.as_ref().filter(|_| came == 0) {
            for part in absent {
                self.teller.absent(part, self.stats.received);
            }
        }
    }

    /// Whether the message is one of those that were asked for, and whether it was the last of them.
    fn judge(&mut self, look: &Look<'_>) -> bool {
        let now = look.received_at;
        let is_selected = self.options.select.selects(look, now);
        let is_counted = match &self.options.expect {
            Some(expect) => expect.selects(look, now),
            None => is_selected,
        };
        self.counted += u64::from(is_counted);
        is_selected
    }

    /// Notes what `--where` looks for and no message has had, as long as nothing matched and something is left to note.
    fn look_for_absent(&mut self, look: &Look<'_>) {
        let Some(condition) = &self.options.select.condition else {
            return;
        };
        if self.stats.matched > 0 || self.absent.as_ref().is_some_and(Vec::is_empty) {
            return;
        }
        let absent = condition.absent(look, look.received_at);
        match &mut self.absent {
            Some(before) => before.retain(|part| absent.contains(part)),
            None => self.absent = Some(absent),
        }
    }

    fn is_goal_met(&self) -> bool {
        let one = self.options.expect.as_ref().map(|_| 1);
        let needed = self.options.count.or(one);
        needed.is_some_and(|needed| self.counted >= needed)
    }

    /// The end, unless it has come before; what fails after a goal was met counts for more than the goal.
    fn end(&mut self, stop: Stop) -> ControlFlow<()> {
        if let None | Some(Stop::GoalMet) = self.stopped {
            self.stopped = Some(stop);
        }
        ControlFlow::Break(())
    }

    fn print(&mut self, message: &Message<'_>, peek: &Peek<'_>, seq: u64, reference: Option<Seq>) {
        if !self.make_room() {
            return self.drop_one(message);
        }
        self.say_loss();
        if !self.is_refusing {
            self.printed += 1;
            self.has_moved = true;
        }
        let shown = print::Shown {
            message,
            peek,
            seq,
            reference,
            received_at: self.clock.text(),
        };
        let start = self.lines.len();
        if let Err(fault) = self.printer.print(&shown, &mut self.lines) {
            self.stats.not_shaped += 1;
            self.teller.not_shaped(seq, &fault);
        }
        if !self.printer.may_pass(&self.lines[start..]) {
            self.lines.truncate(start);
            let refused = io::Error::new(io::ErrorKind::InvalidData, NotForATerminal);
            self.refuse();
            let _ = self.end(Stop::Output(refused));
        }
        if let Some(aside) = self.printer.aside.take() {
            // On a terminal it follows what was said before it.
            self.hand_over();
            aside.say(&self.ui);
        }
    }
}

impl Outlet for Pipeline {
    fn take(&mut self, message: &Message<'_>) -> ControlFlow<()> {
        if self.stopped.is_some() {
            self.is_refusing = true;
            return ControlFlow::Break(());
        }
        let now = self.clock.now(&self.options.pulse);
        self.stats.received += 1;
        self.stats.bytes += message.data.len() as u64;
        let none = HeaderMap::new();
        let peek = peek(&none, message);
        let look = look(message, &peek, now);
        if !self.judge(&look) {
            self.look_for_absent(&look);
            return self.unless_enough();
        }
        self.stats.matched += 1;
        if self.options.is_one_answer
            && self.failure.is_none()
            && let answer::Part::Failed(why) = answer::read(message, peek.form)
        {
            self.failure = Some(why.into_owned());
        }
        if let Some(exec) = &mut self.exec {
            exec.take(message);
        }
        let seq = self.stats.received;
        if self.recording.is_none() && self.keeper.is_none() {
            self.print(message, &peek, seq, None);
            return self.unless_enough();
        }
        let event = keep::event_of(message, &peek, self.options.transport, &self.target, now);
        if let Some(recording) = &mut self.recording {
            recording.add(&event);
        }
        match &mut self.keeper {
            Some(keeper) => {
                keeper.take(Kept::new(message, event, seq));
                if self.position.is_none() {
                    // No position as yet: the next run is to know that there was this one.
                    keeper.reached("");
                }
            }
            None => self.print(message, &peek, seq, None),
        }
        self.unless_enough()
    }

    fn settle(&mut self) -> BoxFuture<'_, ControlFlow<()>> {
        Box::pin(async {
            if self.keep().await.is_break() {
                return ControlFlow::Break(());
            }
            let flow = self.hand_over_or_wait().await;
            self.mark();
            self.clock.next_piece();
            flow
        })
    }

    fn flush(&mut self) -> BoxFuture<'_, ControlFlow<(), u64>> {
        Box::pin(async {
            if self.settle().await.is_break() {
                return ControlFlow::Break(());
            }
            if let Some(exec) = &mut self.exec
                && let Err(error) = exec.run().await
            {
                let _ = self.end(Stop::Exec(error));
                return ControlFlow::Break(());
            }
            self.until_written().await
        })
    }

    fn reached(&mut self, position: &str) {
        if self.is_refusing {
            return;
        }
        self.printer.state(position, &mut self.lines);
        if let Some(keeper) = &mut self.keeper {
            keeper.reached(position);
        }
        let reached = self.position.get_or_insert_default();
        reached.clear();
        reached.push_str(position);
        self.has_moved = true;
    }

    fn carried_by(&mut self, transport: Transport) {
        self.options.transport = transport;
        self.printer.transport = transport;
        self.teller.transport = transport;
    }

    /// Who wants no gap need not wait for its end.
    fn lost(&mut self, cut: &CutOff) {
        if self.options.fail_on_gap {
            self.notice(Notice::Gap(Gap {
                from: None,
                to: None,
                reason: format!("{}; there is no position to go on from", cut.why),
                lost: None,
                since: cut.since,
                until: Timestamp::now(),
            }));
        }
    }

    fn notice(&mut self, notice: Notice) {
        match &notice {
            Notice::Gap(_) => self.count_gap(),
            Notice::Malformed { .. } => self.stats.malformed += 1,
            Notice::Connected { reconnects, .. } => {
                self.stats.reconnects = *reconnects;
                self.was_open = true;
            }
            Notice::Retrying { why, .. } => self.last_failure = Some(why.clone()),
            Notice::Waiting { .. } | Notice::Remark(_) => {}
        }
        if self.options.show == Show::Answer {
            // What the answer has said so far is seen before the notice.
            self.hand_over();
        }
        self.teller.tell(&notice);
    }
}

impl Pipeline {
    fn unless_enough(&mut self) -> ControlFlow<()> {
        if self.stopped.is_some() {
            return ControlFlow::Break(());
        }
        if self.is_goal_met() {
            return self.end(Stop::GoalMet);
        }
        ControlFlow::Continue(())
    }

    /// What was reached since the last mark covers a message that went nowhere.
    fn refuse(&mut self) {
        self.is_refusing = true;
        self.position = None;
        self.has_moved = false;
    }

    fn count_gap(&mut self) {
        self.stats.gaps += 1;
        if self.options.fail_on_gap {
            let _ = self.end(Stop::Gap);
            self.stop.cancel();
        }
    }
}

/// The time, read once a piece, and its text, made once a millisecond.
#[derive(Default)]
struct Clock {
    piece: Option<Timestamp>,
    text: String,
    of: Timestamp,
}

impl Clock {
    fn now(&mut self, pulse: &Pulse) -> Timestamp {
        *self.piece.get_or_insert_with(|| {
            let now = Timestamp::now();
            pulse.message(now);
            if self.text.is_empty() || self.of != now {
                self.text = now.to_string();
                self.of = now;
            }
            now
        })
    }

    /// Of the piece's time.
    fn text(&self) -> &str {
        &self.text
    }

    fn next_piece(&mut self) {
        self.piece = None;
    }
}

#[cfg(test)]
mod tests;
