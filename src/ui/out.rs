//! stdout, behind a thread of its own once there is much to write: lines that arrive while one write is under way go out with
//! the next, so a fast command is not slowed to one system call a line and a slow one never holds a line back.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Bytes that may wait; a producer that is ahead of its reader by more waits too.
const MAX_WAITING: usize = 1 << 20;

/// Writes that go straight out: most commands write no more, and need no thread.
const DIRECT: u32 = 64;

/// The writing half of stdout. Dropping it without [`Out::close`] may lose what waits.
pub(super) struct Out {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    state: Mutex<State>,
    /// Something waits, or the end has come.
    work: Condvar,
    /// The thread has written what it had.
    done: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    direct: u32,
    writing: bool,
    closed: bool,
    failed: Option<io::ErrorKind>,
}

impl Out {
    pub(super) fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State::default()),
                work: Condvar::new(),
                done: Condvar::new(),
            }),
            thread: Mutex::new(None),
        }
    }

    /// Hands over bytes. An error is that of an earlier write: the pipe was closed, the disk is full.
    pub(super) fn write(&self, parts: &[&[u8]]) -> io::Result<()> {
        let mut state = self.shared.lock();
        if state.direct < DIRECT {
            state.direct += 1;
            return state.write_direct(&mut io::stdout().lock(), parts);
        }
        drop(state);
        self.start();
        let mut state = self.shared.lock();
        while state.waiting.len() > MAX_WAITING && state.failed.is_none() {
            state = wait(&self.shared.done, state);
        }
        if let Some(kind) = state.failed {
            return Err(kind.into());
        }
        for part in parts {
            state.waiting.extend_from_slice(part);
        }
        self.shared.work.notify_one();
        Ok(())
    }

    /// Waits until everything handed over has been written.
    pub(super) fn flush(&self) -> io::Result<()> {
        let mut state = self.shared.lock();
        while (state.writing || !state.waiting.is_empty()) && state.failed.is_none() {
            state = wait(&self.shared.done, state);
        }
        state.failed.map_or(Ok(()), |kind| Err(kind.into()))
    }

    /// Writes what waits and ends the thread.
    pub(super) fn close(&self) -> io::Result<()> {
        let result = self.flush();
        self.shared.lock().closed = true;
        self.shared.work.notify_one();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // A panic of the thread has been reported by the panic hook.
            let _ = thread.join();
        }
        result
    }

    fn start(&self) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            let shared = Arc::clone(&self.shared);
            *thread = Some(std::thread::spawn(move || shared.run(&mut io::stdout())));
        }
    }
}

impl State {
    /// The error is kept for whoever writes next, as the thread does it.
    fn write_direct(&mut self, stdout: &mut impl Write, parts: &[&[u8]]) -> io::Result<()> {
        let result = stdout
            .write_all(&parts.concat())
            .and_then(|()| stdout.flush());
        if let Err(error) = &result {
            self.failed = Some(error.kind());
        }
        result
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, stdout: &mut impl Write) {
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

            let result = stdout.write_all(&batch).and_then(|()| stdout.flush());
            batch.clear();

            let mut state = self.lock();
            state.writing = false;
            if let Err(error) = result {
                state.failed = Some(error.kind());
                state.waiting = Vec::new();
            }
            self.done.notify_all();
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
    use super::*;

    #[test]
    fn what_was_handed_over_is_written_in_order() {
        let out = Out::new();
        for line in 0..100 {
            let mut state = out.shared.lock();
            state
                .waiting
                .extend_from_slice(format!("{line}\n").as_bytes());
        }
        out.shared.lock().closed = true;
        let mut written = Vec::new();
        out.shared.run(&mut written);
        let expected: String = (0..100).map(|line| format!("{line}\n")).collect();
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }

    #[test]
    fn a_closed_pipe_is_told_to_the_next_writer() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let out = Out::new();
        {
            let mut state = out.shared.lock();
            state.waiting.extend_from_slice(b"line\n");
            state.closed = true;
        }
        out.shared.run(&mut Closed);
        assert_eq!(out.flush().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
