//! The bounded log of a stream, which several readers read at once from their own positions.
//!
//! The writer waits for the first reader, and then for the slowest connected one. Entries that all readers have read are kept
//! for reconnecting readers while there is room.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// Maximum unread bytes; beyond it the writer waits.
const UNREAD: u64 = 256 * 1024;
/// Maximum size of the log in bytes, except for a single larger frame.
const KEPT: u64 = 1024 * 1024;
/// Memory of an entry in addition to its bytes.
const OVERHEAD: u64 = 64;
/// Entries are returned together up to this size.
const TOGETHER: usize = 32 * 1024;

/// An entry of the log.
#[derive(Debug)]
pub(super) enum Entry {
    Frame {
        id: Option<String>,
        bytes: Bytes,
    },
    /// Breaks the connection of the first reader that reaches it, after these bytes.
    Cut(Bytes),
}

/// The next piece for a reader.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Bytes(Bytes),
    Cut(Bytes),
    /// The stream has ended, and the reader has read all of it.
    End,
}

pub(super) struct Log {
    inner: Mutex<Inner>,
    news: watch::Sender<()>,
    room: Notify,
}

struct Inner {
    entries: VecDeque<StoredEntry>,
    /// The number of the first stored entry.
    first: u64,
    /// The total weight of all entries ever written.
    written: u64,
    /// The number of the next entry of each reader.
    readers: BTreeMap<u64, u64>,
    next_reader: u64,
    /// The position of the fastest reader.
    furthest: u64,
    is_done: bool,
    idle_since: Instant,
}

struct StoredEntry {
    entry: Entry,
    /// The total weight of the entries before it.
    before: u64,
}

impl Log {
    pub(super) fn new() -> Self {
        Self {
            inner: Mutex::new(Inner {
                entries: VecDeque::new(),
                first: 0,
                written: 0,
                readers: BTreeMap::new(),
                next_reader: 0,
                furthest: 0,
                is_done: false,
                idle_since: Instant::now(),
            }),
            news: watch::Sender::new(()),
            room: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an entry when there is room. Only one writer may call it.
    pub(super) async fn push(&self, entry: Entry) {
        while !self.lock().has_room() {
            // A reader that makes room before this call leaves a permit, so no wake-up is lost.
            self.room.notified().await;
        }
        self.lock().add(entry);
        self.news.send_replace(());
    }

    /// Ends the stream.
    pub(super) fn finish(&self) {
        self.lock().is_done = true;
        self.news.send_replace(());
    }

    /// The time since the last reader disconnected; `None` while one is connected.
    pub(super) fn idle(&self) -> Option<Duration> {
        let inner = self.lock();
        inner.readers.is_empty().then(|| inner.idle_since.elapsed())
    }

    /// Creates a reader from the entry after the one with this id, or from the first stored entry. `None` if nothing is left.
    pub(super) fn reader(self: &Arc<Self>, last_id: Option<&str>) -> Option<Reader> {
        let mut inner = self.lock();
        let known = last_id.and_then(|id| inner.after(id));
        if known.is_some() && inner.is_done && inner.is_read(known?) {
            return None;
        }
        let number = inner.next_reader;
        inner.next_reader += 1;
        let start = known.unwrap_or(inner.first);
        inner.readers.insert(number, start);
        drop(inner);
        Some(Reader {
            news: self.news.subscribe(),
            log: Arc::clone(self),
            number,
        })
    }
}

impl Inner {
    fn add(&mut self, entry: Entry) {
        let (Entry::Frame { bytes, .. } | Entry::Cut(bytes)) = &entry;
        let weight = bytes.len() as u64 + OVERHEAD;
        let before = self.written;
        self.written += weight;
        self.entries.push_back(StoredEntry { entry, before });
        let slowest = self.slowest();
        while self.first < slowest
            && let Some(front) = self.entries.front()
            && self.written - front.before > KEPT
        {
            self.entries.pop_front();
            self.first += 1;
        }
    }

    fn slowest(&self) -> u64 {
        self.readers
            .values()
            .min()
            .copied()
            .unwrap_or(self.furthest)
    }

    fn has_room(&self) -> bool {
        let next = self.entry(self.slowest());
        next.is_none_or(|next| self.written - next.before < UNREAD)
    }

    fn entry(&self, number: u64) -> Option<&StoredEntry> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.entries.get(index)
    }

    fn after(&self, id: &str) -> Option<u64> {
        let index = self.entries.iter().rposition(
            |kept| matches!(&kept.entry, Entry::Frame { id: Some(own), .. } if own == id),
        )?;
        Some(self.first + index as u64 + 1)
    }

    fn is_read(&self, from: u64) -> bool {
        self.entry(from).is_none()
    }

    /// The next piece for a reader, and its new position; `None` if it must wait.
    fn take(&mut self, reader: u64) -> Option<Piece> {
        let mut at = *self.readers.get(&reader)?;
        let mut first = Bytes::new();
        let mut together = BytesMut::new();
        let piece = loop {
            let found = at
                .checked_sub(self.first)
                .and_then(|index| self.entries.get_mut(usize::try_from(index).ok()?));
            match found.map(|kept| &mut kept.entry) {
                Some(Entry::Frame { bytes, .. }) if first.is_empty() => first = bytes.clone(),
                Some(Entry::Frame { bytes, .. })
                    if first.len().max(together.len()) + bytes.len() <= TOGETHER =>
                {
                    if together.is_empty() {
                        together.extend_from_slice(&first);
                    }
                    together.extend_from_slice(bytes);
                }
                Some(cut @ Entry::Cut(_)) if first.is_empty() => {
                    // The connection breaks only once: an empty frame takes the entry's place, and later readers continue.
                    let spent = Entry::Frame {
                        id: None,
                        bytes: Bytes::new(),
                    };
                    if let Entry::Cut(bytes) = std::mem::replace(cut, spent) {
                        at += 1;
                        break Some(Piece::Cut(bytes));
                    }
                }
                None if first.is_empty() => break self.is_done.then_some(Piece::End),
                _ => {
                    let bytes = if together.is_empty() {
                        first
                    } else {
                        together.freeze()
                    };
                    break Some(Piece::Bytes(bytes));
                }
            }
            at += 1;
        };
        self.readers.insert(reader, at);
        self.furthest = self.furthest.max(at);
        piece
    }
}

/// A reader. The log keeps its unread entries until it is dropped.
pub(super) struct Reader {
    log: Arc<Log>,
    news: watch::Receiver<()>,
    number: u64,
}

impl Reader {
    /// Waits for the next piece. Cancel safe.
    pub(super) async fn next(&mut self) -> Piece {
        loop {
            self.news.mark_unchanged();
            let taken = self.log.lock().take(self.number);
            self.log.room.notify_one();
            if let Some(piece) = taken {
                return piece;
            }
            if self.news.changed().await.is_err() {
                return Piece::End;
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut inner = self.log.lock();
        inner.readers.remove(&self.number);
        inner.idle_since = Instant::now();
        drop(inner);
        self.log.room.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn frame(id: u64, size: usize) -> Entry {
        Entry::Frame {
            id: Some(id.to_string()),
            bytes: vec![b'x'; size].into(),
        }
    }

    /// Adds up to `limit` frames until the writer must wait. Returns their number.
    fn fill(log: &Log, from: u64, limit: u64) -> u64 {
        let fits = |number: &u64| {
            log.push(frame(from + number, 1024))
                .now_or_never()
                .is_some()
        };
        (0..limit).take_while(fits).count() as u64
    }

    async fn read(reader: &mut Reader, bytes: usize) {
        let mut left = bytes;
        while left > 0 {
            let Piece::Bytes(piece) = reader.next().await else {
                panic!("{left} bytes are missing");
            };
            left = left.saturating_sub(piece.len());
        }
    }

    #[tokio::test]
    async fn the_writer_waits_for_the_first_reader() {
        let log = Arc::new(Log::new());
        let written = fill(&log, 1, 10_000);
        assert_eq!(written, UNREAD.div_ceil(1024 + OVERHEAD));
        let mut reader = log.reader(None).unwrap();
        read(&mut reader, written as usize * 1024).await;
        assert!(fill(&log, written + 1, 10) > 0);
    }

    #[tokio::test]
    async fn a_waiting_writer_continues_when_a_reader_makes_room() {
        let log = Arc::new(Log::new());
        let written = fill(&log, 1, 10_000);
        let mut reader = log.reader(None).unwrap();
        let waiting = log.push(frame(written + 1, 1));
        tokio::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none());
        read(&mut reader, written as usize * 1024).await;
        waiting.await;
        assert_eq!(reader.next().await, Piece::Bytes(Bytes::from_static(b"x")));
    }

    #[tokio::test]
    async fn read_entries_are_kept_up_to_a_limit() {
        let log = Arc::new(Log::new());
        let mut reader = log.reader(None).unwrap();
        let mut written = 0;
        for _ in 0..40 {
            let more = fill(&log, written + 1, 100);
            read(&mut reader, more as usize * 1024).await;
            written += more;
        }
        let kept = log.lock().entries.len() as u64;
        assert_eq!(written, 4_000);
        assert!(kept * (1024 + OVERHEAD) <= KEPT + 1024 + OVERHEAD, "{kept}");
        assert!(kept * (1024 + OVERHEAD) > KEPT / 2, "{kept}");
        let mut again = log.reader(Some("3999")).unwrap();
        assert!(matches!(again.next().await, Piece::Bytes(bytes) if bytes.len() == 1024));
    }

    #[tokio::test]
    async fn a_stalled_reader_blocks_the_writer_until_it_disconnects() {
        let log = Arc::new(Log::new());
        let stopped = log.reader(None).unwrap();
        let mut reading = log.reader(None).unwrap();
        let written = fill(&log, 1, 10_000);
        read(&mut reading, written as usize * 1024).await;
        assert_eq!(fill(&log, written + 1, 1), 0);
        drop(stopped);
        assert_eq!(fill(&log, written + 1, 1), 1);
    }

    #[tokio::test]
    async fn only_a_client_with_unread_entries_gets_a_reader() {
        let log = Arc::new(Log::new());
        log.push(frame(1, 1)).await;
        assert!(log.reader(Some("1")).is_some(), "more may come");
        log.finish();
        assert!(log.reader(Some("1")).is_none());
        for id in [None, Some("2"), Some("")] {
            let mut reader = log.reader(id).unwrap();
            assert!(matches!(reader.next().await, Piece::Bytes(_)), "{id:?}");
            assert_eq!(reader.next().await, Piece::End);
        }
    }
}
