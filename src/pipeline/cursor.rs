//! The cursor of a stream whose events are not kept: it moves at most once a second, and only over what stdout has taken.

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

/// A position, and the bytes of stdout that it covers.
#[derive(Default)]
struct Mark {
    bytes: u64,
    position: String,
}

/// Moves the cursor behind the stream, in a task of its own.
pub(super) struct Mover {
    marks: watch::Sender<Mark>,
    closing: CancellationToken,
    task: JoinHandle<Result<(), StoreError>>,
}

impl Mover {
    /// Cancels `stop` when the cursor cannot be kept.
    pub(super) fn start(
        store: Store,
        cursor: Cursor,
        ui: Arc<Ui>,
        stop: CancellationToken,
    ) -> Self {
        let (marks, seen) = watch::channel(Mark::default());
        let closing = CancellationToken::new();
        let moving = Moving {
            store,
            cursor,
            ui,
            marks: seen,
            closing: closing.clone(),
        };
        let task = tokio::spawn(async move {
            let moved = moving.run().await;
            if moved.is_err() {
                stop.cancel();
            }
            moved
        });
        Self {
            marks,
            closing,
            task,
        }
    }

    /// Everything up to `position` is in the first `bytes` of stdout.
    pub(super) fn mark(&self, bytes: u64, position: &str) {
        self.marks.send_modify(|mark| {
            mark.bytes = bytes;
            mark.position.clear();
            mark.position.push_str(position);
        });
    }

    /// Moves it to the last mark that was written.
    pub(super) async fn finish(self) -> Result<(), StoreError> {
        self.closing.cancel();
        drop(self.marks);
        self.task.await.unwrap_or(Err(StoreError::Panicked))
    }
}

struct Moving {
    store: Store,
    cursor: Cursor,
    ui: Arc<Ui>,
    marks: watch::Receiver<Mark>,
    closing: CancellationToken,
}

impl Moving {
    async fn run(mut self) -> Result<(), StoreError> {
        while self.marks.changed().await.is_ok() {
            let Mark { bytes, position } = {
                let mark = self.marks.borrow_and_update();
                Mark {
                    bytes: mark.bytes,
                    position: mark.position.clone(),
                }
            };
            if !self.ui.written(bytes).await {
                break;
            }
            let Cursor { name, stream } = self.cursor.clone();
            self.store
                .write(move |tx| cursors::set(tx, &name, &stream, &position, Timestamp::now()))
                .await?;
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = self.closing.cancelled() => {}
            }
        }
        Ok(())
    }
}
