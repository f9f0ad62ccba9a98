//! Buffered stdout. Once there is much to write, a thread writes it: lines that arrive during a write are written together
//! afterwards. A fast command needs few system calls, and a slow one never delays a line.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::Notify;

/// The size of the queue in bytes. A producer that is further ahead of its reader has to wait.
const MAX_WAITING: usize = 256 * 1024;

/// The number of writes that are made without the thread. Most commands need no more.
const DIRECT: u32 = 64;

/// The most bytes that the thread writes at a time, if possible ending with a line: the capacity of a Linux pipe.
const PIECE: usize = 64 * 1024;

/// The number of bytes that a writable pipe accepts without blocking: `PIPE_BUF` of Linux, or the minimum of POSIX.
const AT_ONCE: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };

/// The buffered stdout. Dropping it without [`Out::close`] may lose queued bytes.
pub(super) struct Out {
    is_stdout: bool,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    state: Mutex<State>,
    /// Locked after `state`, or only by the thread while `State::writing` is set.
    sink: Mutex<Sink>,
    /// Signals that bytes are queued, or that `close` was called.
    work: Condvar,
    /// Signals that the thread has written its batch.
    done: Condvar,
    /// The same signal for async tasks. Also sent when nothing more will be written.
    progress: Notify,
    /// Bytes written since the start.
    written: AtomicU64,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    direct: u32,
    writing: bool,
    closed: bool,
    /// The queue was discarded by `abandon`.
    abandoned: bool,
    failed: Option<io::ErrorKind>,
    /// Bytes queued or written since the start.
    handed_over: u64,
}

/// Where the bytes are written to.
enum Sink {
    Stdout,
    Other(Box<dyn Write + Send>),
}

impl Out {
    pub(super) fn stdout() -> Self {
        Self::new(Sink::Stdout)
    }

    pub(super) fn to(writer: Box<dyn Write + Send>) -> Self {
        Self::new(Sink::Other(writer))
    }

    fn new(sink: Sink) -> Self {
        Self {
            is_stdout: matches!(sink, Sink::Stdout),
            shared: Arc::new(Shared {
                state: Mutex::new(State::default()),
                sink: Mutex::new(sink),
                work: Condvar::new(),
                done: Condvar::new(),
                progress: Notify::new(),
                written: AtomicU64::new(0),
            }),
            thread: Mutex::new(None),
        }
    }

    /// Queues bytes, and waits for room if necessary. An error is that of an earlier write: the pipe was closed, the disk is full.
    pub(super) fn write(&self, parts: &[&[u8]]) -> io::Result<()> {
        let mut state = self.shared.lock();
        if state.direct < DIRECT && !state.writing && state.waiting.is_empty() {
            state.direct += 1;
            return self.shared.write_direct(&mut state, &parts.concat());
        }
        drop(state);
        self.start();
        let mut state = self.shared.lock();
        while state.waiting.len() > MAX_WAITING && state.is_open() {
            state = wait(&self.shared.done, state);
        }
        state.check()?;
        for part in parts {
            state.handed_over += part.len() as u64;
            state.waiting.extend_from_slice(part);
        }
        self.shared.work.notify_one();
        Ok(())
    }

    /// Queues bytes without waiting, and empties `bytes`. Returns `false`, with `bytes` unchanged, if there is no room.
    ///
    /// A few bytes are written directly if stdout is writable; the thread writes the rest. More bytes than the queue holds
    /// are accepted when the queue is empty.
    pub(super) fn offer(&self, bytes: &mut Vec<u8>) -> io::Result<bool> {
        if bytes.is_empty() {
            return Ok(true);
        }
        {
            let mut state = self.shared.lock();
            state.check()?;
            let idle = state.waiting.is_empty() && !state.writing;
            if idle && bytes.len() <= AT_ONCE && self.shared.sink().is_writable() {
                self.shared.write_direct(&mut state, bytes)?;
                bytes.clear();
                return Ok(true);
            }
            if !state.has_room(bytes.len()) {
                return Ok(false);
            }
            state.handed_over += bytes.len() as u64;
            if state.waiting.is_empty() {
                // Swapping the buffers avoids a copy.
                std::mem::swap(&mut state.waiting, bytes);
            } else {
                state.waiting.extend_from_slice(bytes);
                bytes.clear();
            }
        }
        self.start();
        self.shared.work.notify_one();
        Ok(true)
    }

    /// Waits until [`Out::offer`] accepts `bytes` bytes or fails. Cancel safe.
    pub(super) async fn room(&self, bytes: usize) {
        self.until(|state, _| state.has_room(bytes)).await;
    }

    /// Waits until `bytes` bytes have been written since the start. Returns `false` if that can no longer happen. Cancel safe.
    pub(super) async fn reached(&self, bytes: u64) -> bool {
        self.until(|_, written| written >= bytes).await;
        self.written() >= bytes
    }

    /// Also returns when nothing more will be written.
    async fn until(&self, reached: impl Fn(&State, u64) -> bool) {
        loop {
            let progress = self.shared.progress.notified();
            tokio::pin!(progress);
            progress.as_mut().enable();
            {
                let state = self.shared.lock();
                if !state.is_open() || reached(&state, self.written()) {
                    return;
                }
            }
            progress.await;
        }
    }

    /// The number of bytes that were written since the start.
    pub(super) fn written(&self) -> u64 {
        self.shared.written.load(Ordering::Acquire)
    }

    /// The number of bytes that were queued or written since the start.
    pub(super) fn handed_over(&self) -> u64 {
        self.shared.lock().handed_over
    }

    /// Waits until everything queued has been written.
    pub(super) fn flush(&self) -> io::Result<()> {
        let mut state = self.shared.lock();
        while (state.writing || !state.waiting.is_empty()) && state.is_open() {
            state = wait(&self.shared.done, state);
        }
        state.check()
    }

    /// Discards the queue because the reader of stdout has stopped. Returns the number of bytes that were queued and not written.
    pub(super) fn abandon(&self) -> u64 {
        let mut state = self.shared.lock();
        state.abandoned = true;
        state.waiting = Vec::new();
        let given_up = state.handed_over.saturating_sub(self.written());
        drop(state);
        self.shared.done.notify_all();
        self.shared.progress.notify_waiters();
        given_up
    }

    pub(super) fn is_stdout(&self) -> bool {
        self.is_stdout
    }

    /// Writes what is queued and ends the thread.
    pub(super) fn close(&self) -> io::Result<()> {
        let result = self.flush();
        let abandoned = {
            let mut state = self.shared.lock();
            state.closed = true;
            state.abandoned
        };
        self.shared.work.notify_one();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread.filter(|_| !abandoned) {
            // The panic hook has reported a panic of the thread.
            let _ = thread.join();
        }
        result
    }

    fn start(&self) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            let shared = Arc::clone(&self.shared);
            *thread = Some(std::thread::spawn(move || shared.run()));
        }
    }
}

impl State {
    fn is_open(&self) -> bool {
        self.failed.is_none() && !self.abandoned
    }

    fn check(&self) -> io::Result<()> {
        self.failed.map_or(Ok(()), |kind| Err(kind.into()))
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.waiting.is_empty() || self.waiting.len() + bytes <= MAX_WAITING
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sink(&self) -> MutexGuard<'_, Sink> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores the error for the next writer, as the thread does.
    fn write_direct(&self, state: &mut State, bytes: &[u8]) -> io::Result<()> {
        state.check()?;
        let result = self.sink().write(bytes);
        state.handed_over += bytes.len() as u64;
        match &result {
            Ok(()) => {
                self.written
                    .fetch_add(bytes.len() as u64, Ordering::Release);
            }
            Err(error) => state.failed = Some(error.kind()),
        }
        self.progress.notify_waiters();
        result
    }

    fn run(&self) {
        let mut batch = Vec::new();
        loop {
            let mut state = self.lock();
            while state.waiting.is_empty() && !state.closed {
                state = wait(&self.work, state);
            }
            if state.waiting.is_empty() {
                return;
            }
            std::mem::swap(&mut batch, &mut state.waiting);
            state.writing = true;
            drop(state);
            // The queue has room again.
            self.progress.notify_waiters();

            let result = self.write_in_pieces(&batch);
            batch.clear();
            // Frees the memory of a single very large message.
            batch.shrink_to(2 * MAX_WAITING);

            let mut state = self.lock();
            state.writing = false;
            if let Err(error) = result {
                state.failed = Some(error.kind());
                state.waiting = Vec::new();
            }
            self.done.notify_all();
            self.progress.notify_waiters();
        }
    }

    fn write_in_pieces(&self, mut batch: &[u8]) -> io::Result<()> {
        while !batch.is_empty() {
            let most = batch.len().min(PIECE);
            let end = match memchr::memrchr(b'\n', &batch[..most]) {
                Some(line_break) => line_break + 1,
                None => most,
            };
            let (piece, rest) = batch.split_at(end);
            self.sink().write(piece)?;
            self.written
                .fetch_add(piece.len() as u64, Ordering::Release);
            self.progress.notify_waiters();
            batch = rest;
        }
        Ok(())
    }
}

impl Sink {
    /// Writes and flushes.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes)?;
                stdout.flush()
            }
            Self::Other(writer) => {
                writer.write_all(bytes)?;
                writer.flush()
            }
        }
    }

    /// Returns whether [`AT_ONCE`] bytes can be written without waiting for a reader.
    fn is_writable(&self) -> bool {
        match self {
            Self::Stdout => super::reader::is_writable(),
            Self::Other(_) => false,
        }
    }
}

fn wait<'a>(condition: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    condition
        .wait(state)
        .unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A reader that the test controls: each write waits for a permit, then sends its bytes to the test.
    struct Pipe {
        written: mpsc::Sender<Vec<u8>>,
        permits: mpsc::Receiver<()>,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let closed = |_| io::Error::from(io::ErrorKind::BrokenPipe);
            self.permits.recv().map_err(closed)?;
            let sent = self.written.send(bytes.to_vec());
            sent.map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (Out, mpsc::Receiver<Vec<u8>>, mpsc::Sender<()>) {
        let (written, reader) = mpsc::channel();
        let (gate, permits) = mpsc::channel();
        let pipe = Pipe { written, permits };
        (Out::to(Box::new(pipe)), reader, gate)
    }

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn queued_bytes_are_written_in_order() {
        let memory = Memory::default();
        let out = Out::to(Box::new(memory.clone()));
        let mut expected = String::new();
        for line in 0..200 {
            let line = format!("{line}\n");
            expected.push_str(&line);
            if line.len() % 2 == 0 {
                out.write(&[line.as_bytes()]).unwrap();
            } else {
                assert!(out.offer(&mut line.into_bytes()).unwrap());
            }
        }
        out.close().unwrap();
        let written = memory.0.lock().unwrap().clone();
        assert_eq!(String::from_utf8(written).unwrap(), expected);
        assert_eq!(out.written(), expected.len() as u64);
    }

    #[tokio::test]
    async fn the_next_write_reports_a_closed_pipe() {
        let out = Out::to(Box::new(Closed));
        assert!(out.offer(&mut b"line\n".to_vec()).unwrap());
        assert!(!out.reached(5).await);
        let error = out.offer(&mut b"line\n".to_vec()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(out.flush().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[tokio::test]
    async fn a_slow_reader_fills_the_queue_and_gets_every_byte() {
        let (out, reader, gate) = slow();
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        let mut taken = 0;
        while out.offer(&mut line.clone()).unwrap() {
            taken += line.len();
            assert!(
                taken <= 2 * MAX_WAITING + line.len(),
                "the queue never fills"
            );
        }
        let mut refused = line.clone();
        assert!(!out.offer(&mut refused).unwrap());
        assert_eq!(refused, line);

        let reading = std::thread::spawn(move || reader.iter().map(|read| read.len()).sum());
        let opening = std::thread::spawn(move || while gate.send(()).is_ok() {});
        out.room(line.len()).await;
        assert!(out.offer(&mut refused).unwrap());
        assert!(out.reached((taken + line.len()) as u64).await);
        out.close().unwrap();
        drop(out);
        let read: usize = reading.join().unwrap();
        assert_eq!(read, taken + line.len());
        opening.join().unwrap();
    }

    #[test]
    fn a_message_larger_than_the_queue_is_accepted_when_it_is_empty() {
        let memory = Memory::default();
        let out = Out::to(Box::new(memory.clone()));
        let mut large = vec![b'x'; 3 * MAX_WAITING];
        assert!(out.offer(&mut large).unwrap());
        assert!(large.is_empty());
        out.close().unwrap();
        assert_eq!(memory.0.lock().unwrap().len(), 3 * MAX_WAITING);
    }

    #[test]
    fn close_does_not_wait_for_abandoned_bytes() {
        let (out, _reader, _gate) = slow();
        assert!(out.offer(&mut b"line\n".to_vec()).unwrap());
        assert_eq!(out.abandon(), 5);
        out.close().unwrap();
    }
}
