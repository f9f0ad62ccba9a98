//! Whoever reads stdout: whether it is still there, and whether it takes more, found out without writing.

use std::sync::LazyLock;

use tokio_util::sync::CancellationToken;

/// Ends when the reader of stdout has closed it; never for a file, and never where the system does not tell.
///
/// Cancel safe. stdout belongs to the process: one thread watches it, however many ask.
pub(super) async fn gone() {
    static GONE: LazyLock<CancellationToken> = LazyLock::new(|| {
        let gone = CancellationToken::new();
        let told = gone.clone();
        std::thread::spawn(move || {
            if wait_until_gone() {
                told.cancel();
            }
        });
        gone
    });
    GONE.cancelled().await;
}

/// Asks for no event at all: an end that was closed is told unasked.
#[cfg(unix)]
fn wait_until_gone() -> bool {
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
pub(super) fn takes_at_once() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let stdout = std::io::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::OUT)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    matches!(poll(&mut polled, Some(&now)), Ok(1)) && polled[0].revents() == PollFlags::OUT
}

/// Whether stdout and stderr are one file, pipe or terminal.
#[cfg(unix)]
pub(super) fn is_stderr_too() -> bool {
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
pub(super) fn is_stderr_too() -> bool {
    false
}

#[cfg(not(unix))]
fn wait_until_gone() -> bool {
    false
}

#[cfg(not(unix))]
pub(super) fn takes_at_once() -> bool {
    false
}
