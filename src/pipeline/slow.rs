//! The reader of stdout: what is handed over to it, and what happens when it is slower than the stream.

use std::io;
use std::ops::ControlFlow;

use super::{OnSlow, PATIENCE, Pipeline, Stop};
use crate::source::{Gap, Message, Notice, Outlet};
use crate::time::Timestamp;
use crate::ui::size;

/// Lines that are gathered before stdout is offered them within a piece.
pub(super) const BATCH: usize = 128 * 1024;

/// Messages that were dropped in a row.
pub(super) struct Loss {
    lost: u64,
    /// The ids of the first and the last of them, where they have any.
    from: Option<String>,
    to: Option<String>,
    since: Timestamp,
}

impl Pipeline {
    /// Offers stdout what waits. `false`: there is no room.
    pub(super) fn hand_over(&mut self) -> bool {
        match self.ui.offer(&mut self.lines) {
            Ok(taken) => taken,
            Err(error) => {
                self.lines.clear();
                self.refuse();
                let _ = self.end(Stop::Output(error));
                true
            }
        }
    }

    /// Whether one more message may be printed: always, unless messages are to be dropped.
    pub(super) fn make_room(&mut self) -> bool {
        let must_wait = self.loss.is_some() || self.lines.len() >= BATCH;
        !must_wait || self.hand_over() || self.options.on_slow != OnSlow::Drop
    }

    pub(super) async fn hand_over_or_wait(&mut self) -> ControlFlow<()> {
        while !self.hand_over() {
            match self.options.on_slow {
                OnSlow::Drop => break,
                OnSlow::Exit => return self.end(Stop::SlowReader),
                OnSlow::Block => tokio::select! {
                    () = self.ui.room(self.lines.len()) => {}
                    () = self.stop.cancelled() => return ControlFlow::Break(()),
                },
            }
        }
        if self.loss.is_some() && self.lines.is_empty() {
            self.say_loss();
        }
        self.unless_enough()
    }

    /// Waits until stdout has written all that it was given: how many bytes that is. A reader that takes nothing is waited for
    /// no longer than [`PATIENCE`] once the person wants to end.
    pub(super) async fn until_written(&mut self) -> ControlFlow<(), u64> {
        let bytes = self.ui.handed_over();
        let patience = async {
            self.stop.cancelled().await;
            tokio::time::sleep(PATIENCE).await;
        };
        let written = tokio::select! {
            biased;
            written = self.ui.written(bytes) => written,
            () = patience => return ControlFlow::Break(()),
        };
        if written {
            return ControlFlow::Continue(bytes);
        }
        // Nothing more will be written: why is told by who asks for the rest.
        let error = self.ui.flush().err();
        let error = error.unwrap_or_else(|| io::ErrorKind::BrokenPipe.into());
        self.refuse();
        let _ = self.end(Stop::Output(error));
        ControlFlow::Break(())
    }

    pub(super) fn drop_one(&mut self, message: &Message<'_>) {
        self.stats.dropped += 1;
        let since = self.clock.now(&self.options.pulse);
        let loss = self.loss.get_or_insert_with(|| Loss {
            lost: 0,
            from: message.id.map(str::to_owned),
            to: None,
            since,
        });
        loss.lost += 1;
        if let Some(id) = message.id {
            let to = loss.to.get_or_insert_default();
            to.clear();
            to.push_str(id);
        }
    }

    /// There is room again, or never will be.
    pub(super) fn say_loss(&mut self) {
        if let Some(loss) = self.loss.take() {
            self.notice(Notice::Gap(Gap {
                from: loss.from,
                to: loss.to,
                reason: "the reader of stdout is slow".to_owned(),
                lost: Some(loss.lost),
                since: loss.since,
                until: Timestamp::now(),
            }));
        }
    }

    /// Waits until the reader has all of it, or for [`PATIENCE`] once the person wants to end.
    pub(super) async fn write_the_rest(&mut self) {
        let is_lost = matches!(self.stopped, Some(Stop::SlowReader | Stop::Output(_)));
        let (ui, lines) = (&self.ui, &mut self.lines);
        let writing = async {
            while !ui.offer(lines)? {
                ui.room(lines.len()).await;
            }
            ui.written(ui.handed_over()).await;
            // An error of the last write is told by the next.
            ui.offer(lines).map(drop)
        };
        let patience = async {
            if !is_lost {
                self.stop.cancelled().await;
                tokio::time::sleep(PATIENCE).await;
            }
        };
        let written = tokio::select! {
            biased;
            written = writing => Some(written),
            () = patience => None,
        };
        match written {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                let _ = self.end(Stop::Output(error));
            }
            None => {
                let lost = self.ui.abandon().saturating_add(self.lines.len() as u64);
                let lost = size(usize::try_from(lost).unwrap_or(usize::MAX));
                self.ui.warn(&format!(
                    "nobody reads stdout: {lost} of output are given up"
                ));
            }
        }
    }
}
