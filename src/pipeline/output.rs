//! Stdout: gathers lines, hands them over to the writer thread, and handles a reader that is slower than the stream.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::print::{Printer, Shown};
use super::{OnSlow, PipelineOptions};
use crate::shape::ShapeFault;
use crate::source::{Gap, Message};
use crate::time::Timestamp;
use crate::ui::{NotForATerminal, Ui};

/// Bytes that are gathered before they are offered to stdout, while a piece of input is processed.
pub(super) const BATCH: usize = 128 * 1024;
/// How long the command waits for a reader that reads nothing after the user has stopped it.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// The way to stdout. While the reader is slow and messages are dropped, it holds at most [`BATCH`] bytes and one message.
pub(super) struct Output {
    ui: Arc<Ui>,
    /// Cancelled when the user stops the command.
    stop: CancellationToken,
    pub(super) printer: Printer,
    on_slow: OnSlow,
    /// Lines that stdout has not accepted yet.
    pub(super) lines: Vec<u8>,
    dropped: Option<Dropped>,
}

/// Consecutive messages that were dropped.
struct Dropped {
    count: u64,
    /// The ids of the first and the last message, if they have ids.
    from: Option<String>,
    to: Option<String>,
    since: Timestamp,
}

/// The result of waiting for room.
pub(super) enum Room {
    Ready,
    /// The reader is too slow, and [`OnSlow::Exit`].
    SlowReader,
    /// The user stopped the command.
    Stopped,
}

impl Output {
    pub(super) fn new(options: &PipelineOptions, ui: &Arc<Ui>, stop: CancellationToken) -> Self {
        Self {
            ui: Arc::clone(ui),
            stop,
            printer: Printer::new(options, ui),
            on_slow: options.on_slow,
            lines: Vec::new(),
            dropped: None,
        }
    }

    /// Appends a message.
    pub(super) fn print(&mut self, shown: &Shown<'_>) -> Result<(), ShapeFault> {
        self.printer.print(shown, &mut self.lines)
    }

    /// Returns the current length, for [`Self::check_since`].
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Removes lines after `start` that must not be written to a terminal.
    pub(super) fn check_since(&mut self, start: usize) -> io::Result<()> {
        if self.printer.may_pass(&self.lines[start..]) {
            return Ok(());
        }
        self.lines.truncate(start);
        Err(io::Error::new(io::ErrorKind::InvalidData, NotForATerminal))
    }

    /// Appends the state after `position`, if the format has one.
    pub(super) fn state(&mut self, position: &str) {
        self.printer.state(position, &mut self.lines);
    }

    /// Ends an unfinished line.
    pub(super) fn end_line(&mut self) {
        self.printer.end(&mut self.lines);
    }

    /// Offers the gathered lines to stdout. `false`: there is no room.
    pub(super) fn hand_over(&mut self) -> io::Result<bool> {
        let result = self.ui.offer(&mut self.lines);
        if result.is_err() {
            self.lines.clear();
        }
        result
    }

    pub(super) fn is_handed_over(&self) -> bool {
        self.lines.is_empty()
    }

    /// Returns whether one more message may be printed: always, unless messages are dropped.
    pub(super) fn make_room(&mut self) -> io::Result<bool> {
        let must_wait = self.dropped.is_some() || self.lines.len() >= BATCH;
        Ok(!must_wait || self.hand_over()? || self.on_slow != OnSlow::Drop)
    }

    /// Hands the lines over, and waits for room if that was requested. Cancel safe.
    pub(super) async fn hand_over_or_wait(&mut self) -> io::Result<Room> {
        while !self.hand_over()? {
            match self.on_slow {
                OnSlow::Drop => break,
                OnSlow::Exit => return Ok(Room::SlowReader),
                OnSlow::Block => tokio::select! {
                    () = self.ui.room(self.lines.len()) => {}
                    () = self.stop.cancelled() => return Ok(Room::Stopped),
                },
            }
        }
        Ok(Room::Ready)
    }

    pub(super) fn drop_message(&mut self, message: &Message<'_>, since: Timestamp) {
        let dropped = self.dropped.get_or_insert_with(|| Dropped {
            count: 0,
            from: message.id.map(str::to_owned),
            to: None,
            since,
        });
        dropped.count += 1;
        if let Some(id) = message.id {
            let to = dropped.to.get_or_insert_default();
            to.clear();
            to.push_str(id);
        }
    }

    /// The gap of the dropped messages, once there is room again or the stream has ended.
    pub(super) fn take_gap(&mut self) -> Option<Gap> {
        let dropped = self.dropped.take()?;
        Some(Gap {
            from: dropped.from,
            to: dropped.to,
            reason: "the reader of stdout is slow".to_owned(),
            lost: Some(dropped.count),
            since: dropped.since,
            until: Timestamp::now(),
        })
    }

    /// Waits until stdout has written everything, and returns how many bytes that is. `None`: the reader read nothing for
    /// [`PATIENCE`] after the user stopped the command.
    pub(super) async fn written(&self) -> Option<io::Result<u64>> {
        let bytes = self.ui.handed_over();
        let written = tokio::select! {
            biased;
            written = self.ui.written(bytes) => written,
            () = self.patience() => return None,
        };
        if written {
            return Some(Ok(bytes));
        }
        let error = self.ui.flush().err();
        Some(Err(
            error.unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())
        ))
    }

    /// Writes the remaining lines. `None`: the reader did not read them in time. With `is_lost` it does not wait.
    pub(super) async fn write_rest(&mut self, is_lost: bool) -> Option<io::Result<()>> {
        let (ui, lines, stop) = (&self.ui, &mut self.lines, &self.stop);
        let writing = async {
            while !ui.offer(lines)? {
                ui.room(lines.len()).await;
            }
            ui.written(ui.handed_over()).await;
            // An error of the last write is reported by the next one.
            ui.offer(lines).map(drop)
        };
        let patience = async {
            if !is_lost {
                stop.cancelled().await;
                tokio::time::sleep(PATIENCE).await;
            }
        };
        tokio::select! {
            biased;
            written = writing => Some(written),
            () = patience => None,
        }
    }

    /// Discards what the reader has not read. Returns how many bytes that is.
    pub(super) fn abandon(&mut self) -> u64 {
        self.ui.abandon().saturating_add(self.lines.len() as u64)
    }

    async fn patience(&self) {
        self.stop.cancelled().await;
        tokio::time::sleep(PATIENCE).await;
    }
}
