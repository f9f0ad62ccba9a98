//! How far the reader of stdout has got: the one position that is told and stored. A stored one moves at most once a second.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::Notify;
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
#[derive(Debug, Default)]
pub(super) struct Mark {
    pub(super) bytes: u64,
    /// Records that were printed.
    pub(super) printed: u64,
    pub(super) position: Option<String>,
}

/// Bytes of stdout between two marks: what is told of an output that was given up is behind by no more.
const STEP: u64 = 8 * 1024;
/// More marks than wait for a reader at a time.
const MOST: usize = 256;

/// What waits for the reader of stdout.
struct Marks {
    ui: Arc<Ui>,
    state: Mutex<State>,
    more: Notify,
}

#[derive(Default)]
struct State {
    /// The oldest first.
    waiting: VecDeque<Mark>,
    /// The last mark whose bytes have been written.
    written: Mark,
}

impl Marks {
    fn new(ui: Arc<Ui>) -> Self {
        Self {
            ui,
            state: Mutex::default(),
            more: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, mark: Mark) {
        let mut state = self.lock();
        if state.waiting.len() >= MOST {
            state.take_what_is_written(&self.ui);
        }
        let mut newest = state.waiting.iter().rev();
        let last = newest.next().map(|last| last.bytes);
        let is_near = newest
            .next()
            .is_some_and(|before| before.bytes + STEP > mark.bytes);
        let replaces = is_near || last == Some(mark.bytes) || state.waiting.len() >= MOST;
        match state.waiting.back_mut() {
            Some(last) if replaces => *last = mark,
            _ => state.waiting.push_back(mark),
        }
        drop(state);
        self.more.notify_one();
    }
}

impl State {
    fn take_what_is_written(&mut self, ui: &Ui) {
        while let Some(mark) = self.waiting.front()
            && ui.written(mark.bytes).now_or_never() == Some(true)
            && let Some(mark) = self.waiting.pop_front()
        {
            self.written = mark;
        }
    }
}

/// Follows the writing of stdout, in a task of its own.
pub(super) struct Mover {
    marks: Arc<Marks>,
    closing: CancellationToken,
    task: JoinHandle<Result<(), StoreError>>,
}

impl Mover {
    /// Stores the position as `cursor`, where there is one, and cancels `stop` when that cannot be done.
    pub(super) fn start(
        cursor: Option<(Store, Cursor)>,
        ui: Arc<Ui>,
        stop: CancellationToken,
    ) -> Self {
        let marks = Arc::new(Marks::new(ui));
        let closing = CancellationToken::new();
        let moving = Moving {
            cursor,
            marks: Arc::clone(&marks),
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

    pub(super) fn mark(&self, mark: Mark) {
        self.marks.push(mark);
    }

    /// Follows to the last mark that was written, and returns it.
    pub(super) async fn finish(self) -> (Mark, Result<(), StoreError>) {
        self.closing.cancel();
        let moved = self.task.await.unwrap_or(Err(StoreError::Panicked));
        (std::mem::take(&mut self.marks.lock().written), moved)
    }
}

struct Moving {
    cursor: Option<(Store, Cursor)>,
    marks: Arc<Marks>,
    closing: CancellationToken,
}

impl Moving {
    async fn run(self) -> Result<(), StoreError> {
        let pause = if self.cursor.is_some() {
            EVERY
        } else {
            UNSTORED
        };
        while let Some(bytes) = self.next().await {
            if !self.marks.ui.written(bytes).await {
                break;
            }
            self.marks.lock().take_what_is_written(&self.marks.ui);
            self.store().await?;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.closing.cancelled() => {}
            }
        }
        Ok(())
    }

    /// The bytes that the oldest mark waits for; `None` at the end.
    async fn next(&self) -> Option<u64> {
        loop {
            let is_closing = self.closing.is_cancelled();
            if let Some(mark) = self.marks.lock().waiting.front() {
                return Some(mark.bytes);
            }
            if is_closing {
                return None;
            }
            tokio::select! {
                () = self.marks.more.notified() => {}
                () = self.closing.cancelled() => {}
            }
        }
    }

    async fn store(&self) -> Result<(), StoreError> {
        let Some((store, cursor)) = &self.cursor else {
            return Ok(());
        };
        let Cursor { name, stream } = cursor.clone();
        // Without a position the next run knows at least that there was this one.
        let position = self.marks.lock().written.position.clone();
        let position = position.unwrap_or_default();
        store
            .write(move |tx| cursors::set(tx, &name, &stream, &position, Timestamp::now()))
            .await
    }
}
