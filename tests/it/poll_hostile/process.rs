//! One run of `evt poll`: start, watch, kill, wait, and its output byte for byte.

use std::io::Read;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::deployment::Collection;
use super::server::HostileServer;

/// How long a run may take; far longer than it does.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A running process. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    stdout: Stream,
    stderr: Stream,
}

/// The result of a run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    /// `None` if a signal ended it.
    pub(crate) exit: Option<i32>,
}

/// The bytes of a stream so far.
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the binary starts");
        Self {
            stdout: Stream::of(child.stdout.take()),
            stderr: Stream::of(child.stderr.take()),
            child,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("a child can be waited for")
            .is_some()
    }

    /// The output so far.
    pub(crate) fn stdout(&self) -> Vec<u8> {
        self.stdout.bytes()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.bytes()).into_owned()
    }

    /// Sends SIGKILL, but not during a `Retry-After`: a poller that is killed before it can store it cannot obey it.
    pub(crate) fn kill<C: Collection>(mut self, server: &HostileServer<C>) -> Run {
        loop {
            let state = server.paused();
            if !state.is_throttling() {
                let _ = self.child.kill();
                break;
            }
            let next = state.requests.len() + 1;
            drop(state);
            server.wait_for_requests(next, || self.has_ended());
        }
        self.finish()
    }

    /// Sends SIGKILL now.
    pub(crate) fn kill_now(mut self) -> Run {
        let _ = self.child.kill();
        self.finish()
    }

    /// Sends SIGINT, as Ctrl-C does.
    #[cfg(unix)]
    pub(crate) fn interrupt(&self) {
        let pid = i32::try_from(self.child.id()).ok();
        let pid = pid
            .and_then(rustix::process::Pid::from_raw)
            .expect("a child has a process id");
        // It may have ended by itself; then its exit code shows that.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// After a minute.
    pub(crate) fn finish(mut self) -> Run {
        let status = self.wait();
        Run {
            stdout: self.stdout.end(),
            stderr: String::from_utf8_lossy(&self.stderr.end()).into_owned(),
            exit: status.code(),
        }
    }

    /// Calls `find` repeatedly until it returns a value, and returns that.
    ///
    /// # Panics
    /// After a minute, or if the run ends without it.
    pub(crate) fn watch<T>(&mut self, mut find: impl FnMut(&Self) -> Option<T>) -> T {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let ended = self.has_ended();
            if let Some(found) = find(self) {
                return found;
            }
            assert!(!ended, "it ended early: {}", self.stderr());
            assert!(Instant::now() < deadline, "timeout: {}", self.stderr());
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "it has not ended: {}",
                self.stderr()
            );
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Stream {
    fn of(stream: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let read = Arc::clone(&bytes);
        let reader = stream.map(|mut stream| {
            std::thread::spawn(move || {
                let mut part = [0; 16 * 1024];
                while let Ok(length @ 1..) = stream.read(&mut part) {
                    let mut bytes = read.lock().unwrap_or_else(PoisonError::into_inner);
                    bytes.extend_from_slice(&part[..length]);
                }
            })
        });
        Self { bytes, reader }
    }

    fn bytes(&self) -> Vec<u8> {
        self.bytes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// All bytes, after the other side has closed.
    fn end(&mut self) -> Vec<u8> {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("a stream is read to its end");
        }
        self.bytes()
    }
}
