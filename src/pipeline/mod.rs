//! From a source to the output: selects messages, prints them, saves them and forwards them. All sources use it.
//!
//! The pipeline is the [`Outlet`] of a source. It runs in the source's task and works on borrowed bytes. It creates an owned
//! [`Event`](crate::event::Event) only for messages that are saved or recorded.

mod answer;
mod clock;
mod exec;
mod notices;
mod options;
mod output;
mod print;
mod progress;
mod recording;
mod records;
mod save;
mod schema;
mod selection;
mod singer;
mod watch;

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use http::HeaderMap;
use tokio_util::sync::CancellationToken;

use crate::envelope::BorrowedMeta;
use crate::event::{Seq, Transport};
use crate::source::{BoxFuture, ConnectionLoss, Gap, Message, Notice, Outlet, Pulse};
use crate::time::Timestamp;
use crate::ui::{Ui, size};
use clock::Clock;
use exec::Exec;
use notices::Notices;
use output::{Output, Room};
use progress::Progress;
use recording::Recording;
use save::{SavedMessage, Saver};
use selection::{Selection, event_view, peek};
use watch::Watch;

pub use exec::ExecError;
pub use options::{Cursor, Forward, OnSlow, PipelineOptions, Save, Show, Stats, Stop};
pub use records::{RecordForm, SingerNames};
pub use schema::Schema;

/// The only way from a source to the output.
pub struct Pipeline {
    selection: Selection,
    output: Output,
    progress: Progress,
    /// Saves messages before they are printed.
    saver: Option<Saver>,
    recording: Option<Recording>,
    exec: Option<Exec>,
    notices: Notices,
    watch: Watch,
    clock: Clock,
    stats: Stats,
    end: End,
    /// Messages that the source skipped, until they are reported.
    skipped: Option<Skipped>,
    connection: Connection,
    /// Target of saved events.
    target: String,
    transport: Transport,
    ui: Arc<Ui>,
    /// See [`PipelineOptions::is_one_answer`], and whether only the answer's text is printed.
    is_one_answer: bool,
    shows_answer: bool,
    /// The paths that no message had have been reported.
    has_reported_absent: bool,
    pulse: Arc<Pulse>,
}

/// Why and how the pipeline ends.
struct End {
    /// Cancelled to end a source that is waiting.
    stop: CancellationToken,
    stopped: Option<Stop>,
    /// The agent's error if its answer failed.
    answer_failure: Option<String>,
    fail_on_gap: bool,
}

impl End {
    /// Sets the reason, unless there is one already. A failure replaces a goal that was met.
    fn set(&mut self, stop: Stop) -> ControlFlow<()> {
        if let None | Some(Stop::GoalMet) = self.stopped {
            self.stopped = Some(stop);
        }
        ControlFlow::Break(())
    }
}

/// Consecutive messages that were skipped, and are lost.
struct Skipped {
    count: u64,
    since: Timestamp,
    why: String,
}

/// What is known of the source's connection.
#[derive(Default)]
struct Connection {
    was_open: bool,
    /// Why the last attempt to connect failed.
    last_failure: Option<String>,
}

impl Pipeline {
    /// `stop` belongs to the source. The pipeline cancels it when it wants no more messages while none arrive. Requires a
    /// tokio runtime.
    pub fn new(mut options: PipelineOptions, ui: Arc<Ui>, stop: CancellationToken) -> Self {
        let recording = options.record.as_deref().map(Recording::open).transpose();
        let (recording, stopped) = match recording {
            Ok(recording) => (recording, None),
            Err(unwritable) => {
                stop.cancel();
                (None, Some(unwritable))
            }
        };
        let mut save = options.save.take();
        let cursor = save.as_mut().and_then(|save| {
            let cursor = save.cursor.take()?;
            Some((save.store.clone(), cursor))
        });
        let saver = save.filter(|save| save.events || save.forward.is_some());
        let saves = saver.is_some();
        Self {
            selection: Selection::new(&mut options),
            output: Output::new(&options, &ui, stop.clone()),
            progress: Progress::start(cursor, saves, Arc::clone(&ui), stop.clone()),
            saver: saver.map(Saver::start),
            recording,
            exec: options.exec.take().map(Exec::new),
            notices: Notices::new(Arc::clone(&ui), options.source, options.transport),
            watch: Watch::start(&ui, &options.pulse, &stop),
            clock: Clock::default(),
            stats: Stats::default(),
            end: End {
                stop,
                stopped,
                answer_failure: None,
                fail_on_gap: options.fail_on_gap,
            },
            skipped: None,
            connection: Connection::default(),
            target: save::target_of(&options.name),
            transport: options.transport,
            ui,
            is_one_answer: options.is_one_answer,
            shows_answer: options.show == Show::Answer,
            has_reported_absent: false,
            pulse: options.pulse,
        }
    }

    /// Sets the position from which the stream is resumed.
    pub fn starts_at(&mut self, position: &str) {
        self.progress.starts_at(position);
    }

    /// Paths of the condition that some message has had, in this run or an earlier one.
    pub fn known_paths(&self) -> Vec<String> {
        self.selection.known_paths()
    }

    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Where to resume: the last position before which all messages were written. Final after [`Pipeline::finish`]. `None`
    /// if the stream has no positions or nothing was written.
    pub fn position(&self) -> Option<&str> {
        self.progress.position()
    }

    /// Whether the stream was open at least once.
    pub fn was_open(&self) -> bool {
        self.connection.was_open
    }

    /// Why the last attempt to connect failed, if one did.
    pub fn last_failure(&self) -> Option<&str> {
        self.connection.last_failure.as_deref()
    }

    /// Writes, saves and delivers the rest. Returns why the pipeline wanted no more messages, if it was the one that ended.
    ///
    /// A slow reader is waited for without limit, but only two seconds after `stop` was cancelled; then unread output is
    /// discarded. Due deliveries get two seconds, and active ones one more. Others stay in the queue.
    pub async fn finish(&mut self) -> (Stats, Option<Stop>) {
        let _ = self.save().await;
        self.output.end_line();
        self.report_dropped();
        self.report_skipped();
        self.notices.finish();
        self.write_rest().await;
        self.report_never_seen();
        self.mark();
        if self.watch.is_closed() {
            let _ = self.end.set(Stop::Output(io::ErrorKind::BrokenPipe.into()));
        }
        let (printed, moved) = self.progress.finish().await;
        self.stats.printed = printed;
        if let Err(error) = moved {
            let _ = self.end.set(Stop::Store(error));
        }
        if let Some(saver) = self.saver.take() {
            match saver.finish().await {
                Ok(deliveries) => {
                    self.stats.delivered = deliveries.delivered;
                    self.stats.waiting = deliveries.waiting;
                    self.stats.perhaps_twice = deliveries.perhaps_twice;
                    self.notices.waiting(deliveries.waiting);
                }
                Err(error) => {
                    let _ = self.end.set(Stop::Store(error));
                }
            }
        }
        if let Some(failure) = self.end.answer_failure.take() {
            let _ = self.end.set(Stop::Answer(failure));
        }
        (self.stats, self.end.stopped.take())
    }

    /// Records and saves the accepted messages, and prints those that were saved. Cancel safe.
    async fn save(&mut self) -> ControlFlow<()> {
        if let Some(recording) = &mut self.recording
            && let Err(stop) = recording.write()
        {
            self.progress.freeze();
            return self.end.set(stop);
        }
        let Some(saver) = &mut self.saver else {
            return ControlFlow::Continue(());
        };
        match saver.commit().await {
            Ok(saved) => {
                for message in saved {
                    self.print_saved(&message);
                }
                ControlFlow::Continue(())
            }
            Err(error) => {
                self.progress.freeze();
                self.end.set(Stop::Store(error))
            }
        }
    }

    fn print_saved(&mut self, saved: &SavedMessage) {
        self.stats.saved += 1;
        let none = HeaderMap::new();
        let message = saved.message();
        let peek = peek(&none, &message);
        self.print(&message, &peek, saved.number, saved.event.seq);
    }

    fn print(
        &mut self,
        message: &Message<'_>,
        peek: &BorrowedMeta<'_>,
        seq: u64,
        reference: Option<Seq>,
    ) {
        let has_room = match self.output.make_room() {
            Ok(has_room) => has_room,
            Err(error) => {
                self.output_failed(error);
                true
            }
        };
        if !has_room {
            self.stats.dropped += 1;
            let now = self.clock.now(&self.pulse);
            return self.output.drop_message(message, now);
        }
        self.report_dropped();
        self.progress.printed();
        let start = self.output.len();
        let printed = self.output.print(&print::Shown {
            message,
            peek,
            seq,
            reference,
            received_at: self.clock.text(),
        });
        if let Err(error) = printed {
            self.stats.not_shaped += 1;
            self.notices.not_shaped(seq, &error);
        }
        if let Err(refused) = self.output.check_since(start) {
            self.output_failed(refused);
        }
        if let Some(aside) = self.output.printer.aside.take() {
            // On a terminal it appears after the text that precedes it.
            self.hand_over();
            aside.show(&self.ui);
        }
    }

    fn hand_over(&mut self) {
        if let Err(error) = self.output.hand_over() {
            self.output_failed(error);
        }
    }

    fn output_failed(&mut self, error: io::Error) {
        self.progress.freeze();
        let _ = self.end.set(Stop::Output(error));
    }

    async fn hand_over_or_wait(&mut self) -> ControlFlow<()> {
        match self.output.hand_over_or_wait().await {
            Ok(Room::Ready) => {}
            Ok(Room::SlowReader) => return self.end.set(Stop::SlowReader),
            Ok(Room::Stopped) => return ControlFlow::Break(()),
            Err(error) => self.output_failed(error),
        }
        if self.output.is_handed_over() {
            self.report_dropped();
        }
        self.unless_finished()
    }

    /// Reports dropped messages as a gap.
    fn report_dropped(&mut self) {
        if let Some(gap) = self.output.take_gap() {
            self.notice(Notice::Gap(gap));
        }
    }

    /// Reports messages that the source skipped as a gap.
    fn report_skipped(&mut self) {
        if let Some(skipped) = self.skipped.take() {
            self.notice(Notice::Gap(Gap {
                from: None,
                to: None,
                reason: skipped.why,
                lost: Some(skipped.count),
                since: skipped.since,
                until: Timestamp::now(),
            }));
        }
    }

    /// Counts a skipped message. One gap reports those of a piece of input, unless the command ends at the first gap.
    fn skip(&mut self, why: &str) {
        let skipped = self.skipped.get_or_insert_with(|| Skipped {
            count: 0,
            since: Timestamp::now(),
            why: why.to_owned(),
        });
        skipped.count += 1;
        if self.end.fail_on_gap {
            self.report_skipped();
        }
    }

    async fn write_rest(&mut self) {
        let is_lost = matches!(self.end.stopped, Some(Stop::SlowReader | Stop::Output(_)));
        match self.output.write_rest(is_lost).await {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                let _ = self.end.set(Stop::Output(error));
            }
            None => {
                let bytes = usize::try_from(self.output.abandon()).unwrap_or(usize::MAX);
                let text = format!("stdout was not read: {} of output are lost", size(bytes));
                self.ui.warn(&text);
            }
        }
    }

    /// Marks the position for the output that stdout has accepted.
    fn mark(&mut self) {
        if self.output.is_handed_over() {
            self.progress.mark(self.ui.handed_over());
        }
    }

    /// Reports parts of the request that no message had.
    fn report_never_seen(&mut self) {
        let matched = self.stats.matched;
        if self.shows_answer && matched > 0 && !self.output.printer.has_answered {
            self.ui.warn(&format!(
                "none of the {matched} events is part of an AI answer: leave --text out to see them"
            ));
        }
        let absent = self.selection.absent();
        if !absent.is_empty() {
            self.stats.undecided = self.stats.received;
        }
        self.report_undecided();
    }

    fn unless_finished(&mut self) -> ControlFlow<()> {
        if self.end.stopped.is_some() {
            return ControlFlow::Break(());
        }
        if self.selection.is_goal_met() {
            return self.end.set(Stop::GoalMet);
        }
        ControlFlow::Continue(())
    }

    fn count_gap(&mut self) {
        self.stats.gaps += 1;
        if self.end.fail_on_gap {
            let _ = self.end.set(Stop::Gap);
            self.end.stop.cancel();
            // The next run starts before the gap.
            self.progress.ignore_later();
        }
    }
}

impl Outlet for Pipeline {
    fn take(&mut self, message: &Message<'_>) -> ControlFlow<()> {
        if self.end.stopped.is_some() {
            self.progress.ignore_later();
            return ControlFlow::Break(());
        }
        let now = self.clock.now(&self.pulse);
        self.stats.received += 1;
        self.stats.bytes += message.data.len() as u64;
        let none = HeaderMap::new();
        let peek = peek(&none, message);
        if !self.selection.selects(&event_view(message, &peek, now)) {
            return self.unless_finished();
        }
        self.stats.matched += 1;
        if self.is_one_answer
            && self.end.answer_failure.is_none()
            && let answer::Part::Failed(why) = answer::read(message, peek.form)
        {
            self.end.answer_failure = Some(why.into_owned());
        }
        if let Some(exec) = &mut self.exec {
            exec.take(message);
        }
        let seq = self.stats.received;
        if self.recording.is_none() && self.saver.is_none() {
            self.print(message, &peek, seq, None);
            return self.unless_finished();
        }
        let event = save::event_of(message, &peek, self.transport, &self.target, now);
        if let Some(recording) = &mut self.recording {
            recording.add(&event);
        }
        match &mut self.saver {
            Some(saver) => {
                saver.take(SavedMessage::new(message, event, seq));
            }
            None => self.print(message, &peek, seq, None),
        }
        self.unless_finished()
    }

    fn settle(&mut self) -> BoxFuture<'_, ControlFlow<()>> {
        Box::pin(async {
            self.report_skipped();
            if self.save().await.is_break() {
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
                let _ = self.end.set(Stop::Exec(error));
                return ControlFlow::Break(());
            }
            match self.output.written().await {
                Some(Ok(bytes)) => ControlFlow::Continue(bytes),
                Some(Err(error)) => {
                    self.output_failed(error);
                    ControlFlow::Break(())
                }
                None => ControlFlow::Break(()),
            }
        })
    }

    fn secure(&mut self) -> BoxFuture<'_, Option<u64>> {
        Box::pin(async {
            if self.save().await.is_break() {
                return None;
            }
            match self.output.write_rest(false).await? {
                Ok(()) => {}
                Err(error) => self.output_failed(error),
            }
            match self.end.stopped {
                None | Some(Stop::GoalMet | Stop::Gap | Stop::Answer(_)) => {
                    Some(self.stats.received)
                }
                Some(
                    Stop::SlowReader
                    | Stop::Output(_)
                    | Stop::Store(_)
                    | Stop::Exec(_)
                    | Stop::Record { .. },
                ) => None,
            }
        })
    }

    fn is_undecided(&self) -> bool {
        !self.selection.absent().is_empty()
    }

    fn report_undecided(&mut self) {
        if !self.has_reported_absent {
            for path in self.selection.absent() {
                self.notices.absent(path, self.stats.received);
                self.has_reported_absent = true;
            }
        }
    }

    fn reached(&mut self, position: &str) {
        if !self.progress.reached(position) {
            return;
        }
        self.output.state(position);
    }

    fn carried_by(&mut self, transport: Transport) {
        self.transport = transport;
        self.output.printer.transport = transport;
        self.notices.transport = transport;
    }

    /// With `fail_on_gap` the command does not wait for the end of the gap.
    fn lost(&mut self, loss: &ConnectionLoss) {
        if self.end.fail_on_gap {
            self.notice(Notice::Gap(Gap {
                from: None,
                to: None,
                reason: format!("{}; the stream has no position to resume from", loss.why),
                lost: None,
                since: loss.since,
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
                self.connection.was_open = true;
            }
            Notice::Retrying { why, .. } => self.connection.last_failure = Some(why.clone()),
            Notice::Waiting { .. } | Notice::Remark(_) => {}
        }
        if self.shows_answer {
            // The answer so far appears before the notice.
            self.hand_over();
        }
        self.notices.show(&notice);
        if let Notice::Malformed {
            why, is_lost: true, ..
        } = &notice
        {
            self.skip(why);
        }
    }
}

#[cfg(test)]
mod tests;
