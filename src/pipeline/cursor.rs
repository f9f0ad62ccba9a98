//! How far the reader of stdout has got: the one position that is told and stored. A stored one moves at most once a second.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Cursor;
use crate::store::{Store, StoreError, cursors};
use crate::time::Timestamp;
use crate::ui::Ui;

/// A kill in between repeats at most what came in so long.
const EVERY: Duration = Duration::from_secs(1);
/// The same where nothing is stored, so that what is told of an output that was given up is not far behind.
const UNSTORED: Duration = Duration::from_millis(100);

/// Where the stream stood when stdout had been given so many bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Mark {
    pub(super) bytes: u64,
    /// Records that were printed.
    pub(super) printed: u64,
    pub(super) position: Option<String>,
}

/// Follows the writing of stdout, in a task of its own.
pub(super) struct Mover {
    marks: watch::Sender<Mark>,
    closing: CancellationToken,
    task: JoinHandle<(Mark, Result<(), StoreError>)>,
}

impl Mover {
    /// Stores the position as `cursor`, where there is one, and cancels `stop` when that cannot be done.
    pub(super) fn start(
        cursor: Option<(Store, Cursor)>,
        ui: Arc<Ui>,
        stop: CancellationToken,
    ) -> Self {
        let (marks, seen) = watch::channel(Mark::default());
        let closing = CancellationToken::new();
        let moving = Moving {
            cursor,
            ui,
            marks: seen,
            closing: closing.clone(),
            written: Mark::default(),
        };
        let task = tokio::spawn(async move {
            let (written, moved) = moving.run().await;
            if moved.is_err() {
                stop.cancel();
            }
            (written, moved)
        });
        Self {
            marks,
            closing,
            task,
        }
    }

    /// Everything up to `position` is in the first `bytes` of stdout, in `printed` records.
    pub(super) fn mark(&self, bytes: u64, printed: u64, position: Option<&str>) {
        self.marks.send_modify(|mark| {
            (mark.bytes, mark.printed) = (bytes, printed);
            if let Some(position) = position {
                let marked = mark.position.get_or_insert_default();
                marked.clear();
                marked.push_str(position);
            }
        });
    }

    /// Follows to the last mark that was written, and returns it.
    pub(super) async fn finish(self) -> (Mark, Result<(), StoreError>) {
        self.closing.cancel();
        drop(self.marks);
        let panicked = |_| (Mark::default(), Err(StoreError::Panicked));
        self.task.await.unwrap_or_else(panicked)
    }
}

struct Moving {
    cursor: Option<(Store, Cursor)>,
    ui: Arc<Ui>,
    marks: watch::Receiver<Mark>,
    closing: CancellationToken,
    /// The last mark whose bytes have been written.
    written: Mark,
}

impl Moving {
    async fn run(mut self) -> (Mark, Result<(), StoreError>) {
        let pause = if self.cursor.is_some() {
            EVERY
        } else {
            UNSTORED
        };
        while self.marks.changed().await.is_ok() {
            let mark = self.marks.borrow_and_update().clone();
            if !self.ui.written(mark.bytes).await {
                break;
            }
            self.written = mark;
            if let Err(error) = self.store().await {
                return (self.written, Err(error));
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.closing.cancelled() => {}
            }
        }
        (self.written, Ok(()))
    }

    async fn store(&self) -> Result<(), StoreError> {
        let Some((store, cursor)) = &self.cursor else {
            return Ok(());
        };
        let Cursor { name, stream } = cursor.clone();
        // Without a position the next run knows at least that there was this one.
        let position = self.written.position.clone().unwrap_or_default();
        store
            .write(move |tx| cursors::set(tx, &name, &stream, &position, Timestamp::now()))
            .await
    }
}
