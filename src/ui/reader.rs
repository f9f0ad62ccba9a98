//! The state of the reader of stdout, found out without writing.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

/// Whether the process was started without a stdout (`>&-`).
static WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Notes whether stdout is closed. It runs before `main`, because there the standard library has opened `/dev/null` in its
/// place, which a user can also name on purpose.
#[cfg(unix)]
#[ctor::ctor]
fn note_closed_stdout() {
    let is_closed = rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_err();
    WAS_CLOSED.store(is_closed, Ordering::Relaxed);
}

/// Waits until the reader of stdout has closed it. Never returns for a file, or on a system that does not report it.
///
/// Cancel safe. One thread watches stdout for all callers.
pub(super) async fn closed() {
    static CLOSED: LazyLock<CancellationToken> = LazyLock::new(|| {
        let closed = CancellationToken::new();
        if WAS_CLOSED.load(Ordering::Relaxed) {
            closed.cancel();
            return closed;
        }
        let signal = closed.clone();
        std::thread::spawn(move || {
            if wait_until_closed() {
                signal.cancel();
            }
        });
        closed
    });
    CLOSED.cancelled().await;
}

/// Polls for no event: the system always reports a closed end.
#[cfg(unix)]
fn wait_until_closed() -> bool {
    use rustix::event::{PollFd, PollFlags, poll};

    let stdout = std::io::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
    loop {
        match poll(&mut polled, None) {
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
    polled[0]
        .revents()
        .intersects(PollFlags::ERR | PollFlags::HUP)
}

#[cfg(unix)]
pub(super) fn is_writable() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let stdout = std::io::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::OUT)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    matches!(poll(&mut polled, Some(&now)), Ok(1)) && polled[0].revents() == PollFlags::OUT
}

/// Returns whether stdout and stderr are the same file, pipe or terminal.
#[cfg(unix)]
pub(super) fn is_stderr() -> bool {
    use rustix::fs::fstat;

    static ONE: LazyLock<bool> =
        LazyLock::new(
            || match (fstat(std::io::stdout()), fstat(std::io::stderr())) {
                (Ok(out), Ok(err)) => (out.st_dev, out.st_ino) == (err.st_dev, err.st_ino),
                _ => false,
            },
        );
    *ONE
}

#[cfg(not(unix))]
pub(super) fn is_stderr() -> bool {
    false
}

#[cfg(not(unix))]
fn wait_until_closed() -> bool {
    false
}

#[cfg(not(unix))]
pub(super) fn is_writable() -> bool {
    false
}
