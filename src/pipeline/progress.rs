//! How far the reader of stdout has got. Only a position whose output was written is reported and stored.

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

/// A stored position advances at most once per interval. If the process is killed, the messages of one interval repeat.
const STORE_INTERVAL: Duration = Duration::from_secs(1);
/// The same without a stored position, so that the reported position of an abandoned output is recent; and with messages
/// that are saved, because those that repeat are saved and delivered again.
const INTERVAL: Duration = Duration::from_millis(100);
/// Minimum distance of checkpoints in bytes of stdout.
const STEP: u64 = 8 * 1024;
/// Maximum number of waiting checkpoints.
const MAX_WAITING: usize = 256;

/// The position of the stream, and of the output.
pub(super) struct Progress {
    /// The position after the accepted messages.
    reached: Option<String>,
    /// Messages that were printed.
    printed: u64,
    /// There is no checkpoint for the latest position or message yet.
    has_moved: bool,
    /// A message was neither written nor saved. Later positions would cover it, so none counts.
    is_frozen: bool,
    tracker: Option<Tracker>,
    /// The last position whose output was written. Before [`Progress::finish`], where the stream started.
    written: Option<String>,
}

impl Progress {
    /// Stores the position as `cursor`, if any, and cancels `stop` if that fails. `saves` is whether messages are saved.
    pub(super) fn start(
        cursor: Option<(Store, Cursor)>,
        saves: bool,
        ui: Arc<Ui>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            reached: None,
            printed: 0,
            has_moved: false,
            is_frozen: false,
            tracker: Some(Tracker::start(cursor, saves, ui, stop)),
            written: None,
        }
    }

    pub(super) fn starts_at(&mut self, position: &str) {
        self.written = Some(position.to_owned());
        self.reached = Some(position.to_owned());
    }

    pub(super) fn position(&self) -> Option<&str> {
        self.written.as_deref()
    }

    /// A message was appended to the output.
    pub(super) fn printed(&mut self) {
        if !self.is_frozen {
            self.printed += 1;
            self.has_moved = true;
        }
    }

    /// Sets the position after the accepted messages. Returns false if it does not count.
    pub(super) fn reached(&mut self, position: &str) -> bool {
        if self.is_frozen {
            return false;
        }
        let reached = self.reached.get_or_insert_default();
        reached.clear();
        reached.push_str(position);
        self.has_moved = true;
        true
    }

    /// Ignores positions and messages from now on.
    pub(super) fn ignore_later(&mut self) {
        self.is_frozen = true;
    }

    /// Ignores also what was reached since the last checkpoint, because it covers a message that was lost.
    pub(super) fn freeze(&mut self) {
        self.is_frozen = true;
        self.reached = None;
        self.has_moved = false;
    }

    /// Adds a checkpoint: the position counts once stdout has written `bytes`.
    pub(super) fn mark(&mut self, bytes: u64) {
        if self.has_moved
            && let Some(tracker) = &self.tracker
        {
            tracker.checkpoints.push(Checkpoint {
                bytes,
                printed: self.printed,
                position: self.reached.clone(),
            });
            self.has_moved = false;
        }
    }

    /// Waits for the last checkpoint that is written. Returns how many messages were printed, and an error of the store.
    pub(super) async fn finish(&mut self) -> (u64, Result<(), StoreError>) {
        let Some(tracker) = self.tracker.take() else {
            return (0, Ok(()));
        };
        let (written, stored) = tracker.finish().await;
        let position = written.position.or(self.written.take());
        self.written = position.filter(|position| !position.is_empty());
        (written.printed, stored)
    }
}

/// The state of the stream after stdout accepted a number of bytes.
#[derive(Debug, Default)]
struct Checkpoint {
    bytes: u64,
    /// Messages that were printed.
    printed: u64,
    position: Option<String>,
}

/// Checkpoints that wait for the reader of stdout.
struct Checkpoints {
    ui: Arc<Ui>,
    state: Mutex<State>,
    more: Notify,
}

#[derive(Default)]
struct State {
    /// The oldest first.
    waiting: VecDeque<Checkpoint>,
    /// The last checkpoint whose bytes are written.
    written: Checkpoint,
}

impl Checkpoints {
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

    fn push(&self, checkpoint: Checkpoint) {
        let mut state = self.lock();
        if state.waiting.len() >= MAX_WAITING {
            state.take_written(&self.ui);
        }
        let mut newest = state.waiting.iter().rev();
        let last = newest.next().map(|last| last.bytes);
        let is_near = newest
            .next()
            .is_some_and(|before| before.bytes + STEP > checkpoint.bytes);
        let replaces =
            is_near || last == Some(checkpoint.bytes) || state.waiting.len() >= MAX_WAITING;
        match state.waiting.back_mut() {
            Some(last) if replaces => *last = checkpoint,
            _ => state.waiting.push_back(checkpoint),
        }
        drop(state);
        self.more.notify_one();
    }
}

impl State {
    fn take_written(&mut self, ui: &Ui) {
        while let Some(checkpoint) = self.waiting.front()
            && ui.written(checkpoint.bytes).now_or_never() == Some(true)
            && let Some(checkpoint) = self.waiting.pop_front()
        {
            self.written = checkpoint;
        }
    }
}

/// A task that follows the writing of stdout.
struct Tracker {
    checkpoints: Arc<Checkpoints>,
    closing: CancellationToken,
    task: JoinHandle<Result<(), StoreError>>,
}

impl Tracker {
    fn start(
        cursor: Option<(Store, Cursor)>,
        saves: bool,
        ui: Arc<Ui>,
        stop: CancellationToken,
    ) -> Self {
        let checkpoints = Arc::new(Checkpoints::new(ui));
        let closing = CancellationToken::new();
        let tracking = Tracking {
            pause: match cursor {
                Some(_) if !saves => STORE_INTERVAL,
                _ => INTERVAL,
            },
            cursor,
            checkpoints: Arc::clone(&checkpoints),
            closing: closing.clone(),
        };
        let task = tokio::spawn(async move {
            let stored = tracking.run().await;
            if stored.is_err() {
                stop.cancel();
            }
            stored
        });
        Self {
            checkpoints,
            closing,
            task,
        }
    }

    /// Waits for the last checkpoint that is written, and returns it.
    async fn finish(self) -> (Checkpoint, Result<(), StoreError>) {
        self.closing.cancel();
        let stored = self.task.await.unwrap_or(Err(StoreError::Panicked));
        (std::mem::take(&mut self.checkpoints.lock().written), stored)
    }
}

struct Tracking {
    pause: Duration,
    cursor: Option<(Store, Cursor)>,
    checkpoints: Arc<Checkpoints>,
    closing: CancellationToken,
}

impl Tracking {
    async fn run(self) -> Result<(), StoreError> {
        while let Some(bytes) = self.next().await {
            if !self.checkpoints.ui.written(bytes).await {
                break;
            }
            self.checkpoints.lock().take_written(&self.checkpoints.ui);
            self.store().await?;
            tokio::select! {
                () = tokio::time::sleep(self.pause) => {}
                () = self.closing.cancelled() => {}
            }
        }
        Ok(())
    }

    /// The bytes of the oldest checkpoint; `None` at the end.
    async fn next(&self) -> Option<u64> {
        loop {
            let is_closing = self.closing.is_cancelled();
            if let Some(oldest) = self.checkpoints.lock().waiting.front() {
                return Some(oldest.bytes);
            }
            if is_closing {
                return None;
            }
            tokio::select! {
                () = self.checkpoints.more.notified() => {}
                () = self.closing.cancelled() => {}
            }
        }
    }

    async fn store(&self) -> Result<(), StoreError> {
        let Some((store, cursor)) = &self.cursor else {
            return Ok(());
        };
        let Cursor { name, stream } = cursor.clone();
        // An empty position shows the next run that there was this one.
        let position = self.checkpoints.lock().written.position.clone();
        let position = position.unwrap_or_default();
        store
            .write(move |tx| cursors::set(tx, &name, &stream, &position, Timestamp::now()))
            .await
    }
}
